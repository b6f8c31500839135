"""Download of large files: resumed where it stopped, checked, and under the final name only when whole.

`requests` is used because no maintained download library both resumes and checks. Pooch and zenodo_get check, but start
over.
"""

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import checksum
from hepjepa_weaver.datasets.http import ask, mark_of, said, seconds_to_wait

BLOCK = 2**20  # bytes
FRUITLESS_TRIES = 5  # in a row, without a byte gained
TRY_AGAIN = (408, 416, 425, 429, 500, 502, 503, 504)  # 416: the server holds less than the record says
LONGEST_WAIT = 600.0  # seconds that a server may ask to wait
PARTIAL = ".download"  # ending of incomplete files
MARK = ".mark"  # ending, after PARTIAL, of what the server calls the version of the part
REJECTED = ".wrong-checksum"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a published record.

    Attributes:
        name: file name.
        url: address.
        size: in bytes.
        md5: 32 hexadecimal digits.
    """

    name: str
    url: str
    size: int
    md5: str


def download(file: RemoteFile, folder: Path, *, pause: float = 2.0) -> Path:
    """Return the path of `file` in `folder`, downloaded if it is not there yet.

    An interrupted call leaves its part in NAME.download, and the next call goes on from there. Nothing is ever deleted.

    Args:
        file: the file to download.
        folder: where it goes.
        pause: seconds before the second try, doubled with each further try.

    Raises:
        UserError: a file NAME with another checksum is there already. Also if the downloaded file has the wrong
            checksum; it is then in NAME.wrong-checksum. Also if the server refuses, or sends nothing more in five
            tries, or asks to wait for more than ten minutes.
    """
    path = folder / file.name
    if path.exists():
        if path.stat().st_size != file.size or checksum(path, "md5") != file.md5:
            raise UserError(f"{path} is there and is not the published file (MD5 {file.md5}): move it away")
        return path
    partial, rejected = (path.with_name(path.name + ending) for ending in (PARTIAL, REJECTED))
    if _length(partial) > file.size:
        os.replace(partial, rejected)  # too long: not this file
    if _length(partial) < file.size:
        _fetch(file, partial, pause)
    _mark_of(partial).unlink(missing_ok=True)
    if checksum(partial, "md5") != file.md5:
        os.replace(partial, rejected)
        raise UserError(
            f"{file.url} has another MD5 checksum than {file.md5}, as after damage or a change on the server between "
            f"two parts: what came is in {rejected}; run again to download it anew"
        )
    os.replace(partial, path)
    return path


def check_space(folder: Path, n_bytes: int) -> None:
    """Raise a UserError if the disk of `folder` has fewer than `n_bytes` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise UserError(f"{folder} has {free / 1e9:.1f} GB left and {n_bytes / 1e9:.1f} GB are needed: make room")


def missing_bytes(files: Iterable[RemoteFile], folder: Path) -> int:
    """Return the number of bytes of `files` that are still to be downloaded to `folder`."""
    paths = {file: folder / file.name for file in files}
    return sum(
        file.size - min(file.size, _length(path.with_name(path.name + PARTIAL)))
        for file, path in paths.items()
        if not path.exists()
    )


@dataclass(frozen=True)
class Ended:
    """Why a connection ended, and how long the server asks to wait before the next one (seconds; None: not at all)."""

    reason: str
    wait: float | None = None


def _fetch(file: RemoteFile, partial: Path, pause: float) -> None:
    """Append to `partial` until it has all bytes of the file."""
    with tqdm(total=file.size, initial=_length(partial), unit="B", unit_scale=True, desc=file.name) as bar:
        tries = 0
        while (before := _length(partial)) < file.size:
            ended = _fetch_once(file, partial, bar)
            tries = tries + 1 if _length(partial) <= before else 0
            if tries == FRUITLESS_TRIES or (ended.wait or 0) > LONGEST_WAIT:
                wait = f" and asks to wait {ended.wait:.0f} s" if ended.wait else ""
                raise UserError(
                    f"{file.url}: {ended.reason}{wait} after {_length(partial)} of {file.size} bytes: run again later "
                    f"to go on from there, or {_by_hand(file, partial)}"
                )
            if tries:
                time.sleep(pause * 2 ** (tries - 1) if ended.wait is None else ended.wait)


def _fetch_once(file: RemoteFile, partial: Path, bar: Any) -> Ended:
    """Append what one connection gives, and return why it ended."""
    start, mark = _length(partial), _mark_of(partial)
    headers = {"Range": f"bytes={start}-", "Accept-Encoding": "identity"}
    known = mark.read_text() if start and mark.is_file() else ""
    if known:
        headers["If-Range"] = known  # the whole file, if it is another one by now
    try:
        with ask(file.url, headers, stream=True) as answer:
            if answer.status_code in TRY_AGAIN:
                return Ended(said(answer), seconds_to_wait(answer))
            if not answer.ok:
                raise UserError(f"{file.url}: {said(answer)}: {_by_hand(file, partial)}")
            resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if start and not resumed and known and known != mark_of(answer):
                tqdm.write(f"{file.url} has changed on the server since the first part came: starting anew")
            mark.write_text(mark_of(answer))
            with partial.open("ab" if resumed else "wb") as output:
                bar.n = start if resumed else 0
                for block in answer.iter_content(BLOCK):
                    output.write(block)
                    bar.update(len(block))
    except requests.RequestException as error:
        return Ended(f"the connection broke ({type(error).__name__})")
    except OSError as error:
        raise UserError(f"cannot write {partial}: {error.strerror}; make room and run again") from error
    return Ended("the server sent no more")


def _by_hand(file: RemoteFile, partial: Path) -> str:
    """Return what to do where a program cannot get a file."""
    return f"get it with a browser, put it into {partial.parent} as {file.name}, and run again"


def _mark_of(partial: Path) -> Path:
    return partial.with_name(partial.name + MARK)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
