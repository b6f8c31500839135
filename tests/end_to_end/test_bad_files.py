"""Damaged, foreign and missing files among good ones, with the real `weaver` command."""

import re
import shutil
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from weaver.utils.data.config import DataConfig

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import count_readable
from tests.helpers.messages import names, naming
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, PREDICTOR, refused, succeeded, weaver

pytestmark = pytest.mark.slow

STEPS = ("--num-epochs", "2", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3")
NETWORKS = {
    "hepjepa_pretrain": (*ENCODER, *PREDICTOR),
    "mpm_pretrain": (*ENCODER, *PREDICTOR),
    "hepjepa_finetune": (*ENCODER, "-o", "from_scratch", "True"),
    "part": tuple(ENCODER),
}
BAD = {
    "cut.root": "is cut off after",
    "empty.root": "is no root file",
    "page.root": "is no root file",
    "foreign.root": "is of another layout: it has muon_pt and none of ",
    "no_tree.root": "has 0 trees",
    "no_jets.root": "holds no jets",
    "gone.root": "is not there",
}


@pytest.fixture(scope="module")
def work(work: Path) -> Path:
    write_bad_files(work / "bad", work / "train" / "TTBar_000.root")
    return work


def write_bad_files(folder: Path, good: Path) -> None:
    folder.mkdir()
    (folder / "cut.root").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (folder / "empty.root").touch()
    (folder / "page.root").write_text("<html>404</html>")
    with uproot.recreate(folder / "foreign.root") as file:
        file.mktree("tree", {"muon_pt": "float32"}).extend({"muon_pt": np.ones(5, np.float32)})
    with uproot.recreate(folder / "no_tree.root") as file:
        file["histogram"] = np.histogram([1.0, 2.0])
    with uproot.open(good) as source, uproot.recreate(folder / "no_jets.root") as file:
        table = source["tree"].arrays()
        file.mktree("tree", {name: table[name].type.content for name in table.fields if not name.startswith("n")})


def files(*bad: str) -> tuple[str, ...]:
    return ("--data-train", "train/*.root", *(f"bad/{name}" for name in bad), "--data-val", "val/*.root")


@pytest.mark.parametrize("network", NETWORKS)
def test_training_goes_on_with_the_good_files_and_says_so_after_each_epoch(work: Path, network: str) -> None:
    options = (*files(*BAD), "--model-prefix", f"{network}/net", *NETWORKS[network], *STEPS)
    log = succeeded(weaver(work, network, *options, split=None))
    reports = re.findall(r"Training goes without 7 files, whose jets nobody can count: (.*)", log)
    assert len(reports) == 2
    for name, reason in BAD.items():
        assert f"Left out: bad/{name}" in log
        assert all(re.search(rf"bad/{name} [^;]*{reason}", report) for report in reports), name
    assert "Validation goes without" not in log
    assert "When reading file bad" not in log  # weaver's own words for what it fails to read


def test_bad_validation_files_are_told_too(work: Path) -> None:
    data = ("--data-train", "train/*.root", "--data-val", "val/*.root", "bad/cut.root")
    options = (*data, "--model-prefix", "val_net/net", *NETWORKS["hepjepa_pretrain"], *STEPS)
    log = succeeded(weaver(work, "hepjepa_pretrain", *options, split=None))
    assert log.count("Validation goes without 1 files") == 2


def test_without_validation_files_both_tell_what_they_go_without(work: Path) -> None:
    data = ("--data-train", "train/*.root", "bad/cut.root", "--model-prefix", "split_net/net")
    log = succeeded(weaver(work, "hepjepa_pretrain", *data, *NETWORKS["hepjepa_pretrain"], *STEPS, split=None))
    assert log.count("Training goes without 1 files") == log.count("Validation goes without 1 files") == 2


@pytest.mark.parametrize("start", range(0, 40_000, 1000))
def test_damage_anywhere_is_read_over_or_a_named_error(work: Path, tmp_path: Path, start: int) -> None:
    content = bytearray((work / "train/TTBar_000.root").read_bytes())
    place = start % len(content)
    content[place : place + 512] = bytes(len(content[place : place + 512]))
    path = tmp_path / "damaged.root"
    path.write_bytes(content)
    try:
        assert count_readable(str(path), DataConfig.load(str(DATA_CONFIG), load_observers=False)) > 0
    except UserError as error:
        assert str(path) in str(error)  # noqa: PT017


@pytest.fixture(scope="module")
def rotten(work: Path) -> Path:
    """Jets of which one file opens well, but has a column that cannot be unpacked."""
    folder = work / "rotten"
    shutil.copytree(work / "train", folder)
    path = folder / "HToBB_000.root"
    with uproot.open(path) as file:
        branch = file["tree"]["part_px"]
        start = int(branch.member("fBasketSeek")[0])
        length = int(branch.member("fBasketBytes")[0])
    content = bytearray(path.read_bytes())
    content[start + length // 2 : start + length] = b"\xff" * (length - length // 2)
    path.write_bytes(content)
    return folder


def test_jets_that_rot_inside_of_a_file_are_counted(work: Path, rotten: Path) -> None:
    data = ("--data-train", f"{rotten.name}/*.root", "--data-val", "val/*.root")
    options = (*data, "--model-prefix", "rotten_net/net", *NETWORKS["hepjepa_pretrain"], *STEPS)
    log = succeeded(weaver(work, "hepjepa_pretrain", *options, split=None))
    reports = re.findall(r"Training: reads have failed since the last report: (.*)", log)
    lost = [f"{rotten.name}/HToBB_000.root from 0 to 1 of its length, about 30 jets (" in report for report in reports]
    assert lost
    assert all(lost)
    # two epochs want more jets than one pass over the files has; weaver's reader may be an epoch ahead
    assert sum(report.count(f"{rotten.name}/HToBB_000.root") for report in reports) >= 2


def prediction(finetuned: Path, output: str) -> tuple[str, ...]:
    """Options of a prediction with the toy classifier, but for the jets."""
    checkpoint = finetuned / "finetune/net_epoch-0_state.pt"
    return ("--predict", "--model-prefix", str(checkpoint), *ENCODER, "--predict-output", f"predictions/{output}")


def test_test_jets_that_cannot_be_read_are_an_error(work: Path, finetuned: Path) -> None:
    test = prediction(finetuned, "scores.parquet")
    line = refused(weaver(work, "hepjepa_finetune", *test, "--data-test", "val/*.root", "bad/cut.root", split=None))
    assert names(line, "bad/cut.root", "cut off")
    assert not (work / "predictions/scores.parquet").exists()


def test_test_jets_that_rot_are_an_error(work: Path, rotten: Path, finetuned: Path) -> None:
    test = prediction(finetuned, "rotten.parquet")
    line = refused(weaver(work, "hepjepa_finetune", *test, "--data-test", f"{rotten.name}/*.root", split=None))
    assert names(line, "rotten/HToBB_000.root")
    assert not (work / "predictions/rotten.parquet").exists()


def test_a_missing_test_file_is_an_error(work: Path, finetuned: Path) -> None:
    test = prediction(finetuned, "gone.parquet")
    line = refused(weaver(work, "hepjepa_finetune", *test, "--data-test", "val/*.root", "gone.root", split=None))
    assert names(line, "--data-test", "gone.root")


@pytest.mark.parametrize(
    ("network", "wanted"),
    [("hepjepa_pretrain", ("clusters", "bad/cut.root", "bad/empty.root")), ("part", ("group", "'_'", "bad/cut.root"))],
)
def test_no_good_file_at_all_is_an_error(work: Path, network: str, wanted: tuple[str, ...]) -> None:
    data = ("--data-train", "bad/cut.root", "bad/empty.root", "--data-val", "val/*.root")
    options = (*data, "--model-prefix", "none/net", *NETWORKS[network], *STEPS)
    line = refused(weaver(work, network, *options, split=None))
    assert names(line, *wanted)


def test_no_more_processes_read_than_there_are_good_files(work: Path) -> None:
    data = ("--data-train", "train/HToBB_000.root", "bad/cut.root", "--data-val", "val/*.root", "--num-workers", "2")
    options = (*data, "--model-prefix", "few/net", *NETWORKS["hepjepa_pretrain"], *STEPS, "--batch-size", "10")
    log = succeeded(weaver(work, "hepjepa_pretrain", *options, split=None))
    assert log.count("1 processes read (--num-workers 2): there are no more files") == 1


@pytest.mark.parametrize("content", ["good", "cut", "foreign", "empty"])
def test_parquet_files_are_looked_at_as_well(work: Path, tmp_path: Path, content: str) -> None:
    config = DataConfig.load(str(DATA_CONFIG), load_observers=False)
    with uproot.open(work / "train" / "HToBB_000.root") as file:
        table = file["tree"].arrays()
    path = tmp_path / "jets.parquet"
    if content == "foreign":
        table = ak.Array({"muon_pt": [1.0]})
    ak.to_parquet(table[:0] if content == "empty" else table, path)
    if content == "good":
        assert count_readable(str(path), config) == 30
        return
    if content == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    wanted = {"cut": "read", "foreign": "data config", "empty": "no jets"}[content]
    with pytest.raises(UserError, match=naming(path, wanted)):
        count_readable(str(path), config)


def test_columns_that_weaver_makes_need_not_be_in_the_file(work: Path) -> None:
    config = DataConfig.load(str(DATA_CONFIG), load_observers=False)
    config.file_magic = {"is_top": {"TTBar": 1}}
    config.train_load_branches = {*config.train_load_branches, "is_top", "aux_training_"}
    assert count_readable(str(work / "train/TTBar_000.root"), config) == 30
