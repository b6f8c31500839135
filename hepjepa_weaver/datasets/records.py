"""The published data sets: which Zenodo record holds each, and which of its files.

References
[1] H. Qu, C. Li, S. Qian, "JetClass", Zenodo 6619768.
[2] G. Kasieczka, T. Plehn, J. Thompson, M. Russel, "Top Quark Tagging Reference Dataset", Zenodo 2603256.
[3] P. Komiske, E. Metodiev, J. Thaler, "Pythia8 Quark and Gluon Jets for Energy Flow", Zenodo 3164691.
"""

from dataclasses import dataclass

import requests

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import TIMEOUT, RemoteFile

ZENODO = "https://zenodo.org"

JETCLASS_MD5 = {
    "JetClass_Pythia_train_100M_part0.tar": "de4fd2dca2e68ab3c85d5cfd3bcc65c3",
    "JetClass_Pythia_train_100M_part1.tar": "9722a359c5ef697bea0fbf79bf50f003",
    "JetClass_Pythia_train_100M_part2.tar": "1e9f66cd1f915f9d10e90ae1d7761720",
    "JetClass_Pythia_train_100M_part3.tar": "47348fc8985319fa4806da87500482fa",
    "JetClass_Pythia_train_100M_part4.tar": "6b0ce16bd93b442a8d51914466990279",
    "JetClass_Pythia_train_100M_part5.tar": "416e347512e716de51d392bee327b8e9",
    "JetClass_Pythia_train_100M_part6.tar": "e9b9c1557b1b39bf0a16e4ab631ae451",
    "JetClass_Pythia_train_100M_part7.tar": "5bfc6cb285ccb7680cefa9ac82ad1a2e",
    "JetClass_Pythia_train_100M_part8.tar": "540c1a0d66dfad78d2b363c5740ccf86",
    "JetClass_Pythia_train_100M_part9.tar": "668f40b3275167ff7104c48317c0ae2a",
    "JetClass_Pythia_val_5M.tar": "7235ccb577ed85023ea3ab4d5e6160cf",
    "JetClass_Pythia_test_20M.tar": "64e5156d26d101adeb43b8388207d767",
}


@dataclass(frozen=True)
class Record:
    """A Zenodo record. files: those of the data set, in the order they are wanted; md5: of those known beforehand."""

    number: int
    files: tuple[str, ...]
    md5: dict[str, str]


RECORDS = {
    "JetClass": Record(6619768, tuple(JETCLASS_MD5), JETCLASS_MD5),
    "TopLandscape": Record(2603256, ("train.h5", "val.h5", "test.h5"), {}),
    "QuarkGluon": Record(3164691, ("QG_jets.npz", *(f"QG_jets_{n}.npz" for n in range(1, 20))), {}),
}


def find_files(record: Record, server: str = ZENODO) -> list[RemoteFile]:
    """Return the files of a record with the sizes and checksums that the server publishes for it.

    Raises UserError where the server does not answer or does not hold one of them, and where a checksum is not the
    one we know.
    """
    address = f"{server}/api/records/{record.number}"
    try:
        answer = requests.get(address, timeout=TIMEOUT)
        answer.raise_for_status()
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
