from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import RemoteFile, check_space, download, missing_bytes
from hepjepa_weaver.datasets.published import DATA_SETS
from hepjepa_weaver.datasets.records import Record, find_files
from tests.helpers.messages import naming
from tests.helpers.zenodo_server import Zenodo, running

CONTENT = np.random.default_rng(0).bytes(3_000_000)
Serve = Callable[..., tuple[Zenodo, RemoteFile]]


@pytest.fixture
def serve():
    """Start a server that holds one file, and return it with the file as its record describes it."""
    with ExitStack() as stack:

        def start(**faults):
            zenodo = stack.enter_context(running(Zenodo({"jets.h5": CONTENT}, **faults)))
            return zenodo, find_files(Record(1, ("jets.h5",), {}), zenodo.address)[0]

        yield start


def test_a_file_comes_whole(serve: Serve, tmp_path: Path):
    zenodo, file = serve()
    path = download(file, tmp_path)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5"]
    assert download(file, tmp_path) == path
    assert len(zenodo.ranges_of("jets.h5")) == 1  # the second call asked for nothing


def test_dropped_connections_are_resumed(serve: Serve, tmp_path: Path):
    zenodo, file = serve(drop_after={"jets.h5": 1_100_000})
    assert download(file, tmp_path, pause=0).read_bytes() == CONTENT
    starts = [int(header.removeprefix("bytes=").removesuffix("-")) for header in zenodo.ranges_of("jets.h5")]
    assert starts[0] == 0
    assert all(later > earlier for earlier, later in pairwise(starts))
    assert len(starts) == 3


def test_an_interrupted_call_is_resumed_by_the_next(serve: Serve, tmp_path: Path):
    zenodo, file = serve()
    (tmp_path / "jets.h5.download").write_bytes(CONTENT[:1_234_567])
    assert missing_bytes([file], tmp_path) == len(CONTENT) - 1_234_567
    assert download(file, tmp_path).read_bytes() == CONTENT
    assert zenodo.ranges_of("jets.h5") == ["bytes=1234567-"]
    assert missing_bytes([file], tmp_path) == 0


def test_a_server_without_ranges_starts_over(serve: Serve, tmp_path: Path):
    _, file = serve(knows_ranges=False)
    (tmp_path / "jets.h5.download").write_bytes(CONTENT[:1_234_567])
    assert download(file, tmp_path).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(serve: Serve, tmp_path: Path):
    zenodo, file = serve(errors=[503, 429])
    assert download(file, tmp_path, pause=0).read_bytes() == CONTENT
    assert len(zenodo.ranges_of("jets.h5")) == 3


def test_a_refusal_is_named_at_once(serve: Serve, tmp_path: Path):
    zenodo, file = serve(errors=[404])
    with pytest.raises(UserError, match=naming("/files/jets.h5", 404)):
        download(file, tmp_path, pause=0)
    assert len(zenodo.ranges_of("jets.h5")) == 1


def test_a_truncated_file_is_named_and_what_came_is_kept(serve: Serve, tmp_path: Path):
    _, file = serve(served={"jets.h5": CONTENT[:2_000_000]})
    with pytest.raises(UserError, match=naming(2000000, 3000000)):
        download(file, tmp_path, pause=0)
    assert (tmp_path / "jets.h5.download").read_bytes() == CONTENT[:2_000_000]
    assert not (tmp_path / "jets.h5").exists()


def test_a_wrong_checksum_is_set_aside_and_the_next_call_starts_anew(serve: Serve, tmp_path: Path):
    zenodo, file = serve(served={"jets.h5": CONTENT[::-1]})
    with pytest.raises(UserError, match=naming("MD5", "jets.h5.wrong-checksum")):
        download(file, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5.wrong-checksum"]
    zenodo.served.clear()
    assert download(file, tmp_path).read_bytes() == CONTENT


def test_what_the_user_had_is_neither_used_nor_overwritten(serve: Serve, tmp_path: Path):
    _, file = serve()
    (tmp_path / "jets.h5").write_bytes(b"mine")
    with pytest.raises(UserError, match=naming("jets.h5")):
        download(file, tmp_path)
    assert (tmp_path / "jets.h5").read_bytes() == b"mine"


def test_a_leftover_longer_than_the_file_is_set_aside(serve: Serve, tmp_path: Path):
    _, file = serve()
    (tmp_path / "jets.h5.download").write_bytes(CONTENT + b"more")
    assert download(file, tmp_path).read_bytes() == CONTENT
    assert (tmp_path / "jets.h5.wrong-checksum").read_bytes() == CONTENT + b"more"


def test_too_little_space_is_an_error(tmp_path: Path):
    check_space(tmp_path, 1)
    with pytest.raises(UserError, match=naming("1000000.0 GB")):
        check_space(tmp_path, 10**15)


def test_a_record_without_a_wanted_file_is_named(serve: Serve):
    zenodo, _ = serve()
    with pytest.raises(UserError, match=naming("api/records/1", "other.h5")):
        find_files(Record(1, ("jets.h5", "other.h5"), {}), zenodo.address)


def test_a_record_with_another_checksum_than_we_know_is_refused(serve: Serve):
    zenodo, _ = serve()
    with pytest.raises(UserError, match=naming("jets.h5", "0123")):
        find_files(Record(1, ("jets.h5",), {"jets.h5": "0123"}), zenodo.address)


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(UserError, match=naming("http://127.0.0.1:9/api/records/1")):
        find_files(Record(1, ("jets.h5",), {}), "http://127.0.0.1:9")


def test_the_records_list_every_file():
    assert [len(record.files) for record in (data_set.record for data_set in DATA_SETS.values())] == [12, 3, 20]
