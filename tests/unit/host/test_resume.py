import awkward as ak
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.root_files import write_jets
from hepjepa_weaver.host.resume import resumed


@pytest.fixture
def command(tmp_path):
    """Of a run that was killed while it wrote the optimiser's state after epoch 2."""
    write_jets([ak.Array({"jet_pt": [1.0]})], tmp_path / "jets.root", {})
    words = ["weaver", "--network-config", "net.py", "--data-train", f"a:{tmp_path}/*.root", "-o", "seed", "3"]
    return [*words, "--model-prefix", str(tmp_path / "pre" / "net")]


def leave_checkpoints(folder):
    for epoch in (0, 1, 2):
        for kind in ("state", "optimizer"):
            torch.save({"step": torch.ones(1000)}, folder / f"net_epoch-{epoch}_{kind}.pt")
    half = folder / "net_epoch-2_optimizer.pt"
    half.write_bytes(half.read_bytes()[:2000])


def test_a_command_goes_on_after_the_last_whole_epoch_with_another_seed(command, tmp_path):
    assert resumed(command) == command
    leave_checkpoints(tmp_path / "pre")
    assert resumed(command) == [*command, "--load-epoch", "1", "-o", "seed", "2003"]


def test_earlier_epochs_may_have_been_cleaned_away(command, tmp_path):
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    for path in (tmp_path / "pre").glob("net_epoch-0_*"):
        path.unlink()
    assert resumed(command)[-5:-3] == ["--load-epoch", "1"]


def test_a_rotten_checkpoint_is_passed_over(command, tmp_path):
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    state = tmp_path / "pre/net_epoch-1_state.pt"
    content = bytearray(state.read_bytes())
    content[content.index(torch.ones(1000).numpy().tobytes())] ^= 1
    state.write_bytes(content)
    assert resumed(command)[-5:-3] == ["--load-epoch", "0"]


def test_the_last_epoch_is_done_again_where_there_is_no_best_one(command, tmp_path):
    """Killed while it validated, or wrote the best epoch."""
    command += ["--num-epochs", "2"]
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    best = tmp_path / "pre/net_best_epoch_state.pt"
    best.write_bytes(b"PK")
    assert resumed(command)[-5:-3] == ["--load-epoch", "0"]
    torch.save({"step": torch.ones(1)}, best)
    assert resumed(command)[-5:-3] == ["--load-epoch", "1"]
    best.unlink()
    without_validation = [*command, "--run-mode", "train"]
    (tmp_path / "pre/net_command.txt").unlink()
    for path in (tmp_path / "pre").glob("*.pt"):
        path.unlink()
    resumed(without_validation)
    leave_checkpoints(tmp_path / "pre")
    assert resumed(without_validation)[-5:-3] == ["--load-epoch", "1"]


def test_the_last_epoch_stays_where_the_one_before_has_been_cleaned_away(command, tmp_path):
    """Killed while weaver wrote the best epoch, with --auto-clean."""
    command += ["--num-epochs", "2"]
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    for path in (tmp_path / "pre").glob("net_epoch-0_*"):
        path.unlink()
    (tmp_path / "pre/net_best_epoch_state.pt").write_bytes(b"PK")
    assert resumed(command)[-5:-3] == ["--load-epoch", "1"]


def test_a_command_of_several_processes_goes_on(command, tmp_path):
    command = ["torchrun", "--standalone", "--nproc_per_node", "4", "/usr/bin/weaver", *command[1:]]
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    assert resumed(command) == [*command, "--load-epoch", "1", "-o", "seed", "2003"]


def test_without_a_seed_there_stays_none(command, tmp_path):
    without = [*command[:5], *command[8:]]
    resumed(without)
    leave_checkpoints(tmp_path / "pre")
    assert resumed(without) == [*without, "--load-epoch", "1"]


def test_checkpoints_of_another_command_or_of_other_jets_are_left_alone(command, tmp_path):
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    with pytest.raises(
        UserError, match=r"pre/net_epoch-\*.pt are of another command .*net_command\.txt.*--model-prefix"
    ):
        resumed([*command, "--start-lr", "1"])
    write_jets([ak.Array({"jet_pt": [1.0]})], tmp_path / "jets.root", {})  # the same, made anew
    with pytest.raises(UserError, match="of other jets"):
        resumed(command)


def test_checkpoints_of_a_plain_weaver_run_are_left_alone(command, tmp_path):
    (tmp_path / "pre").mkdir()
    leave_checkpoints(tmp_path / "pre")
    with pytest.raises(
        UserError, match=r"pre/net_epoch-\*\.pt .*net_command\.txt.*--load-epoch.*--model-prefix"
    ) as error:
        resumed(command)
    assert "delete" not in str(error.value)
    assert not (tmp_path / "pre/net_command.txt").exists()


def test_jets_that_cannot_be_read_are_told_apart_by_their_size(command, tmp_path):
    (tmp_path / "cut.root").write_bytes(b"root")
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF")
    resumed(command)
    leave_checkpoints(tmp_path / "pre")
    assert "--load-epoch" in resumed(command)
    (tmp_path / "cut.root").write_bytes(b"root and more")
    with pytest.raises(UserError, match="of other jets"):
        resumed(command)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["snakemake", "-c1"], "give a whole command"),
        ([], "give a whole command"),
        (["weaver", "--network-config", "net.py"], "--model-prefix of its own"),
        (["weaver", "--model-prefix", "models/{auto}/net"], "--model-prefix of its own"),
        (["weaver", "--model-prefix", "net", "--load-epoch", "3"], "no --load-epoch"),
    ],
)
def test_a_command_that_cannot_be_resumed_is_refused(words, wanted):
    with pytest.raises(UserError, match=wanted):
        resumed(words)
