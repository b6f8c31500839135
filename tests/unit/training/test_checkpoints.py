import re
import shutil

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.training.checkpoints import check_epoch, checkpoint_files, epochs_done
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import small_jepa, weaver_args


@pytest.fixture
def prefix(tmp_path):
    """Where the checkpoints of epochs 0, 1 and 2 are."""
    model = small_jepa()
    for epoch in range(3):
        state, optimizer = checkpoint_files(tmp_path / "net", epoch)
        torch.save(model.state_dict(), state)
        torch.save(torch.optim.AdamW(model.parameters()).state_dict(), optimizer)
    return tmp_path / "net"


def test_whole_checkpoints_are_taken(prefix):
    for epoch in range(3):
        check_epoch(prefix, epoch)
    assert epochs_done(prefix) == 3


@pytest.mark.parametrize("kind", [0, 1], ids=["state", "optimizer"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_half_written_checkpoint_is_named_and_the_one_before_suggested(prefix, kind, share):
    path = checkpoint_files(prefix, 2)[kind]
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=rf"{re.escape(str(path))} is not whole .* go on with --load-epoch 1,"):
        check_epoch(prefix, 2)
    assert epochs_done(prefix) == 2


@pytest.mark.parametrize("kind", [0, 1], ids=["state", "optimizer"])
def test_a_missing_checkpoint_is_named(prefix, kind):
    path = checkpoint_files(prefix, 1)[kind]
    path.unlink()
    with pytest.raises(UserError, match=rf"{re.escape(str(path))} is not there; go on with --load-epoch 0,"):
        check_epoch(prefix, 1)
    assert epochs_done(prefix) == 3


def test_earlier_epochs_may_have_been_removed(prefix):
    """As by weaver's --auto-clean, and by one that was killed while it wrote the next epoch."""
    for path in (*checkpoint_files(prefix, 0), *checkpoint_files(prefix, 2)):
        path.unlink()
    checkpoint_files(prefix, 2)[0].write_bytes(b"PK")
    assert epochs_done(prefix) == 2
    with pytest.raises(UserError, match="go on with --load-epoch 1,"):
        check_epoch(prefix, 2)


def test_no_flipped_bit_of_a_small_checkpoint_escapes_without_a_name(prefix):
    """Not all matter; those that do are told as damage, whatever the archive looks like then."""
    state = checkpoint_files(prefix, 2)[0]
    torch.save({"step": torch.ones(3)}, state)
    whole = state.read_bytes()
    for place in range(0, len(whole), 7):
        state.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        try:
            check_epoch(prefix, 2)
        except UserError as error:
            assert "go on with --load-epoch 1," in str(error)  # noqa: PT017


def test_a_flipped_bit_is_found(prefix):
    state = checkpoint_files(prefix, 2)[0]
    content = bytearray(state.read_bytes())
    weight = small_jepa().predictor.mask_token.detach().numpy().tobytes()
    content[content.index(weight)] ^= 1
    state.write_bytes(content)
    with pytest.raises(UserError, match=r"is damaged \(in .*\); go on with --load-epoch 1,"):
        check_epoch(prefix, 2)


def test_damaged_epochs_on_the_way_back_are_passed_over(prefix):
    for epoch in (1, 2):
        checkpoint_files(prefix, epoch)[1].write_bytes(b"PK")
    with pytest.raises(UserError, match="go on with --load-epoch 0,"):
        check_epoch(prefix, 2)
    checkpoint_files(prefix, 0)[0].unlink()
    with pytest.raises(UserError, match="start anew without --load-epoch"):
        check_epoch(prefix, 2)


def test_resuming_looks_before_it_loads(prefix, tmp_path):
    checkpoint_files(prefix, 2)[1].unlink()  # weaver itself would go on with a fresh optimiser
    args = weaver_args("--model-prefix", str(prefix), "--load-epoch", "2", "--num-epochs", "5", "--optimizer", "AdamW")
    with pytest.raises(UserError, match="go on with --load-epoch 1,"):
        init_opt(args, small_jepa())
    shutil.rmtree(tmp_path)
    with pytest.raises(UserError, match="start anew"):
        init_opt(args, small_jepa())
