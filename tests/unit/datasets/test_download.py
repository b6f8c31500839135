import time
from collections.abc import Callable
from contextlib import ExitStack
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import requests

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import BLOCK, RemoteFile, check_space, download, missing_bytes
from hepjepa_weaver.datasets.http import mark_of, seconds_to_wait
from hepjepa_weaver.datasets.published import DATA_SETS
from hepjepa_weaver.datasets.records import Record, find_files
from tests.helpers.messages import names, naming
from tests.helpers.zenodo_server import Zenodo, etag_of, running

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


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the download would have slept; it does not sleep."""
    asked: list[float] = []
    monkeypatch.setattr(time, "sleep", asked.append)
    return asked


def answer_with(**headers: str) -> requests.Response:
    answer = requests.Response()
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


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


def test_every_request_names_this_project(serve: Serve, tmp_path: Path):
    zenodo, file = serve(moved=301, errors=[503], drop_after={"jets.h5": 2 * BLOCK})
    download(file, tmp_path, pause=0)
    assert len(zenodo.headers) == len(zenodo.requests) == 1 + 2 * 3  # the record, and the file at two addresses
    assert all(headers["User-Agent"].startswith("hepjepa_weaver/") for headers in zenodo.headers)


def test_a_refusal_says_how_to_get_the_file_by_hand(serve: Serve, tmp_path: Path, waits: list[float]):
    zenodo, file = serve(errors=[403])
    with pytest.raises(UserError, match=naming(403, file.url, "browser", f"put it into {tmp_path} as jets.h5")):
        download(file, tmp_path)
    assert len(zenodo.ranges_of("jets.h5")) == 1
    assert waits == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_is_given_the_time_that_it_asks_for(serve: Serve, tmp_path: Path, waits: list[float]):
    zenodo, file = serve(errors=[429], error_headers={"Retry-After": "1"})
    assert download(file, tmp_path, pause=50).read_bytes() == CONTENT
    assert waits == [1]
    assert len(zenodo.ranges_of("jets.h5")) == 2


def test_a_server_that_asks_for_no_time_is_given_more_with_each_try(serve: Serve, tmp_path: Path, waits: list[float]):
    _, file = serve(errors=[503, 429, 500])
    assert download(file, tmp_path, pause=3).read_bytes() == CONTENT
    assert waits == [3, 6, 12]


def test_a_server_that_stays_busy_is_left_after_five_tries(serve: Serve, tmp_path: Path, waits: list[float]):
    zenodo, file = serve(errors=[503] * 6)
    with pytest.raises(UserError, match=naming(503, file.url, "0 of 3000000 bytes", "browser", tmp_path)):
        download(file, tmp_path, pause=1)
    assert len(zenodo.ranges_of("jets.h5")) == 5
    assert waits == [1, 2, 4, 8]


def test_too_long_a_wait_is_named_at_once(serve: Serve, tmp_path: Path, waits: list[float]):
    zenodo, file = serve(errors=[429], error_headers={"Retry-After": "100000"})
    with pytest.raises(UserError, match=naming(429, file.url, "100000 s", "browser", tmp_path, "jets.h5")):
        download(file, tmp_path)
    assert len(zenodo.ranges_of("jets.h5")) == 1
    assert waits == []


def test_the_time_to_wait_is_a_number_of_seconds_or_a_date():
    assert seconds_to_wait(answer_with(Retry_After="120")) == 120
    assert seconds_to_wait(answer_with(Retry_After="0")) == 0
    later, earlier = (formatdate(time.time() + seconds, usegmt=True) for seconds in (300, -300))
    assert seconds_to_wait(answer_with(Retry_After=later)) == pytest.approx(300, abs=10)
    assert seconds_to_wait(answer_with(Retry_After=earlier)) == 0


def test_no_time_to_wait_is_told_from_none_at_all():
    for answer in (answer_with(), answer_with(Retry_After=""), answer_with(Retry_After="soon")):
        assert seconds_to_wait(answer) is None


@pytest.mark.parametrize("status", [301, 302, 308])
def test_a_file_that_has_moved_is_found(serve: Serve, tmp_path: Path, status: int):
    zenodo, file = serve(moved=status, drop_after={"jets.h5": 2 * BLOCK})
    assert download(file, tmp_path, pause=0).read_bytes() == CONTENT
    ranges = ["bytes=0-", f"bytes={2 * BLOCK}-"]
    assert zenodo.ranges_of("jets.h5") == ranges
    assert [header for path, header in zenodo.requests if path == "/elsewhere/jets.h5"] == ranges


@pytest.mark.parametrize(("status", "for_good"), [(301, True), (308, True), (302, False)])
def test_an_error_at_the_new_address_of_a_file_names_it(serve: Serve, tmp_path: Path, status: int, for_good: bool):
    zenodo, file = serve(moved=status, errors=[404])
    with pytest.raises(UserError, match=naming(404, file.url)) as error:
        download(file, tmp_path)
    assert names(str(error.value), f"moved to {zenodo.address}/elsewhere/jets.h5") == for_good


def test_a_file_that_changes_between_two_parts_is_started_anew(serve: Serve, tmp_path: Path, capsys):
    old = CONTENT[::-1]
    zenodo, file = serve(earlier={"jets.h5": [old]}, tells_versions=True, drop_after={"jets.h5": BLOCK})
    assert download(file, tmp_path, pause=0).read_bytes() == CONTENT
    assert zenodo.ranges_of("jets.h5") == ["bytes=0-", f"bytes={BLOCK}-", f"bytes={BLOCK}-", f"bytes={2 * BLOCK}-"]
    known = [headers.get("If-Range") for headers in zenodo.headers[1:]]
    assert known == [None, etag_of(old), etag_of(CONTENT), etag_of(CONTENT)]
    assert capsys.readouterr().out.count(f"{file.url} has changed on the server") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5"]


@pytest.mark.parametrize("first", [CONTENT, CONTENT[::-1]], ids=["same", "changed"])
def test_a_part_is_marked_with_its_version_for_the_next_call(serve: Serve, tmp_path: Path, first: bytes):
    cut = {"jets.h5": BLOCK}
    zenodo, file = serve(earlier={"jets.h5": [first]}, tells_versions=True, drop_after=cut, errors=[200, 404])
    part, mark = (tmp_path / f"jets.h5.download{ending}" for ending in ("", ".mark"))
    with pytest.raises(UserError, match=naming(404)):
        download(file, tmp_path, pause=0)
    assert part.read_bytes() == first[:BLOCK]
    assert mark.read_text() == etag_of(first)
    assert download(file, tmp_path, pause=0).read_bytes() == CONTENT
    starts = [0, BLOCK, BLOCK, *([] if first == CONTENT else [BLOCK]), 2 * BLOCK]
    assert zenodo.ranges_of("jets.h5") == [f"bytes={start}-" for start in starts]
    assert [entry.name for entry in tmp_path.iterdir()] == ["jets.h5"]


def test_only_strong_marks_tell_versions_apart():
    """A weak one allows for other bytes."""
    assert mark_of(answer_with(ETag='"1"', Last_Modified="then")) == '"1"'
    assert mark_of(answer_with(Last_Modified="then")) == "then"
    assert mark_of(answer_with(ETag='W/"1"')) == ""
    assert mark_of(answer_with()) == ""


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


@pytest.mark.parametrize("status", [403, 429])
def test_a_record_that_is_refused_is_named_with_the_way_by_hand(serve: Serve, status: int):
    zenodo, _ = serve()
    zenodo.record_errors.append(status)
    addresses = (f"{zenodo.address}/api/records/1", f"{zenodo.address}/records/1")
    with pytest.raises(UserError, match=naming(status, *addresses, "try again later", "jets.h5", "browser")):
        find_files(Record(1, ("jets.h5",), {}), zenodo.address)


def test_a_record_of_a_busy_server_is_named_with_the_time_to_wait(serve: Serve):
    zenodo, _ = serve(error_headers={"Retry-After": "90"})
    zenodo.record_errors.append(429)
    with pytest.raises(UserError, match=naming(429, "try again in 90 s", "jets.h5", "browser")):
        find_files(Record(1, ("jets.h5",), {}), zenodo.address)


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(UserError, match=naming("http://127.0.0.1:9/api/records/1")):
        find_files(Record(1, ("jets.h5",), {}), "http://127.0.0.1:9")


def test_the_records_list_every_file():
    assert [len(record.files) for record in (data_set.record for data_set in DATA_SETS.values())] == [12, 3, 20]
