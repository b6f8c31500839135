"""Files of jets: whole or not at all, recognised on a second run."""

import errno
import os

import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.pieces import JETS_PER_PIECE, larger_pieces
from hepjepa_weaver.simulation.files import JetFile, is_made, write_jets
from hepjepa_weaver.simulation.processes import find_process
from hepjepa_weaver.simulation.production import plan_files
from tests.helpers.hand_made import table_of_jets
from tests.helpers.messages import names, naming


@pytest.fixture
def file(tmp_path):
    (tmp_path / "train").mkdir()
    return JetFile(tmp_path, "HToBB", "train", 0, n_jets=6, seed=1)


def test_what_is_written_is_read_back(file):
    jets = table_of_jets()
    write_jets(file, [jets[:4], jets[4:]])
    with uproot.open(file.path) as root:
        back = root["tree"].arrays()
    np.testing.assert_array_equal(back.part_px, jets.part.px)
    np.testing.assert_array_equal(back.jet_sdmass, jets.jet_sdmass)
    assert is_made(file)
    assert os.listdir(file.path.parent) == ["HToBB_000.root"]


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), UserError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (SystemExit(0), SystemExit),
    ],
)
def test_a_failed_write_leaves_nothing(file, failure, raised):
    def tables():
        yield table_of_jets()
        assert any(name.endswith(".part") for name in os.listdir(file.path.parent))
        raise failure

    with pytest.raises(raised) as caught:
        write_jets(file, tables())
    assert os.listdir(file.path.parent) == []
    if raised is UserError:
        assert names(str(caught.value), "HToBB_000.root", "No space left")


def test_a_full_disk_is_a_user_error(file, monkeypatch):
    """The error from the file system itself, in the middle of a basket."""

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("uproot.sink.file.FileSink.write", full)
    with pytest.raises(UserError, match=naming("No space left")):
        write_jets(file, [table_of_jets()])
    monkeypatch.undo()
    assert os.listdir(file.path.parent) == []


def test_an_old_file_survives_a_failed_write(file):
    write_jets(file, [table_of_jets()])
    before = file.path.read_bytes()

    def tables():
        yield table_of_jets()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_jets(file, tables())
    assert file.path.read_bytes() == before


@pytest.mark.parametrize(("change", "named"), [({"seed": 2}, ("seed", 1, 2)), ({"n_jets": 7}, ("n_jets", 6, 7))])
def test_a_file_of_another_run_is_refused(file, change, named):
    write_jets(file, [table_of_jets()])
    other = JetFile(**{**file.__dict__, **change})
    with pytest.raises(UserError, match=naming("HToBB_000.root", *named)):
        is_made(other)


def test_a_file_with_too_few_jets_is_refused(file):
    write_jets(file, [table_of_jets(5)])
    with pytest.raises(UserError, match=naming(5, 6)):
        is_made(file)


@pytest.mark.parametrize("content", [b"", b"not ROOT", None])
def test_any_other_file_is_refused(file, content):
    if content is None:
        with uproot.recreate(file.path) as root:
            root.mktree("tree", {"jet_pt": "float32"})
    else:
        file.path.write_bytes(content)
    with pytest.raises(UserError, match=naming("HToBB_000.root")):
        is_made(file)


def test_larger_pieces_hold_the_same_jets():
    jets = table_of_jets(50)
    pieces = list(larger_pieces([jets] * (JETS_PER_PIECE // 50 * 2 + 1)))
    assert [len(piece) for piece in pieces] == [JETS_PER_PIECE, JETS_PER_PIECE, 50]


def test_plan(tmp_path):
    processes = [find_process("QCD"), find_process("Tbl")]
    plan = plan_files(tmp_path, processes, {"train": 25, "val": 10, "test": 0}, jets_per_file=10, seed=3)
    names = {f"{file.split}/{file.path.name}": file.n_jets for file in plan}
    assert names == {
        f"{split}/{stem}_{index:03d}.root": n_jets
        for stem in ("ZJetsToNuNu", "TTBarLep")
        for split, index, n_jets in [("train", 0, 10), ("train", 1, 10), ("train", 2, 5), ("val", 0, 10)]
    }
    streams = {tuple(file.seed_sequence().generate_state(4)) for file in plan}
    assert len(streams) == len(plan)
