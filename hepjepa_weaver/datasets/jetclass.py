"""JetClass (H. Qu, C. Li, S. Qian, Zenodo 6619768): conversion of its archives to folders of ROOT files.

The folders are those of the particle_transformer repository: Pythia/{train_100M,val_5M,test_20M}/*.root.
"""

import json
from pathlib import Path

from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.download import RemoteFile
from hepjepa_weaver.datasets.published_set import RAW, PublishedSet
from hepjepa_weaver.datasets.records import Record
from hepjepa_weaver.datasets.unpack import unpack

MD5 = {
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


def folder_of(archive: str) -> str:
    """Return the folder for the ROOT files of an archive."""
    return next(f"Pythia/{split}" for split in ("train_100M", "val_5M", "test_20M") if split in archive)


def unpack_archive(file: RemoteFile, folder: Path) -> str:
    """Unpack an archive and write a note of its content."""
    target = folder / folder_of(file.name)
    sizes = unpack(folder / RAW / file.name, target)
    with written_whole(_note(file, folder)) as temporary:
        temporary.write_text(json.dumps({"md5": file.md5, "files": sizes}, indent=1) + "\n")
    return f"{file.name}: {len(sizes)} files in {target}"


def is_unpacked(file: RemoteFile, folder: Path) -> bool:
    """Tell whether all files of an archive were unpacked and are still there."""
    note = _note(file, folder)
    if not note.exists():
        return False
    found = json.loads(note.read_text())
    paths = {folder / folder_of(file.name) / name: size for name, size in found["files"].items()}
    there = all(path.is_file() and path.stat().st_size == size for path, size in paths.items())
    return found["md5"] == file.md5 and there


def _note(file: RemoteFile, folder: Path) -> Path:
    return folder / RAW / f"{file.name}.unpacked.json"


JETCLASS = PublishedSet(Record(6619768, tuple(MD5), MD5), is_unpacked, unpack_archive, growth=1)
