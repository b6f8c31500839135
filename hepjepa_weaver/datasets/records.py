"""Zenodo records: the files of a published data set, with the checksums that the server gives for them."""

from dataclasses import dataclass, field

import requests

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import RemoteFile
from hepjepa_weaver.datasets.http import ask, said, seconds_to_wait

ZENODO = "https://zenodo.org"


@dataclass(frozen=True)
class Record:
    """A Zenodo record.

    Attributes:
        number: number of the record.
        files: files of the data set, in the order in which to get them.
        md5: checksums that are known beforehand.
    """

    number: int
    files: tuple[str, ...]
    md5: dict[str, str] = field(default_factory=dict)


def find_files(record: Record, server: str = ZENODO) -> list[RemoteFile]:
    """Return the files of a record with the sizes and checksums that the server publishes.

    Raises:
        UserError: the server does not answer, lacks a file, or gives another checksum than the known one.
    """
    address = f"{server}/api/records/{record.number}"
    try:
        answer = ask(address)
        if not answer.ok:
            wait = seconds_to_wait(answer)
            when = "try again later" if wait is None else f"try again in {wait:.0f} s"
            raise UserError(
                f"{address}: {said(answer)}: {when}, or get {', '.join(record.files)} from {server}/records/"
                f"{record.number} with a browser"
            )
        published = {entry["key"]: entry for entry in answer.json()["files"]}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{address} does not list its files ({type(error).__name__}): try again later") from error
    missing = [name for name in record.files if name not in published]
    if missing:
        raise UserError(f"{address} does not hold {', '.join(missing)}: look for a newer version of the record")
    return [_remote_file(published[name], record.md5.get(name), address) for name in record.files]


def _remote_file(entry: dict[str, object], known: str | None, address: str) -> RemoteFile:
    name, size, links = str(entry["key"]), entry["size"], entry["links"]
    algorithm, _, md5 = str(entry["checksum"]).partition(":")
    if algorithm != "md5" or not isinstance(size, int) or not isinstance(links, dict):
        raise UserError(f"{address} describes {name} in a way unknown here: please open an issue")
    if known is not None and md5 != known:
        raise UserError(f"{address} gives MD5 {md5} for {name}, not {known}: the published file has changed")
    return RemoteFile(name, str(links["self"]), size, md5)
