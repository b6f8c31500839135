import errno
import os

import pytest

from hepjepa_weaver.common.whole_files import written_whole


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.root"
    with written_whole(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert list(tmp_path.glob("*.root")) == []
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def write_and_fail(path):
    with written_whole(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt


def test_an_interrupted_block_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.root"
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(path)
    assert list(tmp_path.iterdir()) == []
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "a.md"
    with pytest.raises(OSError, match="No space left") as error, written_whole(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.filename == str(path)
