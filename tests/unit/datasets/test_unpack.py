import tarfile
from pathlib import Path

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.unpack import unpack
from tests.helpers.archives import contents, member, write_tar
from tests.helpers.messages import naming

FILES = {"HToBB_000.root": b"b" * 50_000, "deep/HToBB_001.root": b"c" * 10}


def test_files_come_out_as_they_went_in(tmp_path: Path):
    archive = write_tar(tmp_path / "a.tar", FILES, member("deep", type=tarfile.DIRTYPE, mode=0o755))
    assert unpack(archive, tmp_path / "out") == {name: len(content) for name, content in FILES.items()}
    assert contents(tmp_path / "out") == FILES


def test_a_second_call_writes_only_what_is_missing(tmp_path: Path):
    archive = write_tar(tmp_path / "a.tar", FILES)
    unpack(archive, tmp_path / "out")
    before = (tmp_path / "out" / "HToBB_000.root").stat().st_mtime_ns
    (tmp_path / "out" / "deep" / "HToBB_001.root").unlink()
    unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == FILES
    assert (tmp_path / "out" / "HToBB_000.root").stat().st_mtime_ns == before


def test_a_file_of_the_user_is_not_overwritten(tmp_path: Path):
    archive = write_tar(tmp_path / "a.tar", FILES)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "HToBB_000.root").write_bytes(b"mine")
    with pytest.raises(UserError, match=naming("HToBB_000.root", "a.tar")):
        unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {"HToBB_000.root": b"mine"}


@pytest.mark.parametrize(
    "harmful",
    [
        member("../outside"),
        member("/outside"),
        member("link", type=tarfile.SYMTYPE, linkname="../outside"),
        member("link", type=tarfile.SYMTYPE, linkname="HToBB_000.root"),
        member("link", type=tarfile.LNKTYPE, linkname="HToBB_000.root"),
        member("pipe", type=tarfile.FIFOTYPE),
        member("device", type=tarfile.CHRTYPE),
    ],
    ids=["parent", "absolute", "link outside", "link inside", "hard link", "pipe", "device"],
)
def test_harmful_members_are_refused_before_anything_is_written(tmp_path: Path, harmful: tarfile.TarInfo):
    archive = write_tar(tmp_path / "a.tar", FILES, harmful)
    with pytest.raises(UserError, match=naming("a.tar", "safe")):
        unpack(archive, tmp_path / "deeper" / "out")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a.tar"]


@pytest.mark.parametrize("kept", [0, 700, 20_000])
def test_a_damaged_archive_is_named_and_leaves_no_half_file(tmp_path: Path, kept: int):
    archive = write_tar(tmp_path / "a.tar", FILES)
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(UserError, match=naming("a.tar", "download")):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == {}
