"""From a published record to the files that weaver reads: download, then unpack or convert, file by file.

FOLDER/raw keeps what was downloaded. The files of weaver lie where the particle_transformer repository has them:
Pythia/{train_100M,val_5M,test_20M}/*.root of JetClass, {train,val,test}_file.parquet of the Top Landscape,
{train,test}_file_N.parquet of the quark/gluon jets.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets import quark_gluon, top_landscape
from hepjepa_weaver.datasets.download import RemoteFile, check_space, download, missing_bytes
from hepjepa_weaver.datasets.parquet_files import note_of
from hepjepa_weaver.datasets.records import RECORDS, ZENODO, find_files
from hepjepa_weaver.datasets.unpack import unpack

RAW = "raw"
QUARK_GLUON_TRAINING_FILES = 18  # of 20: the first 90 %


@dataclass(frozen=True)
class Install:
    """How the files of a data set get into weaver's layout.

    is_done and make take the remote file and the folder; make returns what to tell the user.
    growth: bytes written for each byte downloaded, for the check of free space.
    """

    is_done: Callable[[RemoteFile, Path], bool]
    make: Callable[[RemoteFile, Path], str]
    growth: float


def get_dataset(name: str, folder: Path, patterns: Sequence[str], server: str = ZENODO, keep_raw: bool = True) -> None:
    """Download the files of data set `name` that fit one of `patterns` and make weaver's files of them.

    What is done already is kept. Raises UserError for an unknown name or pattern, too little space on the disk, and
    whatever `download`, `unpack` and the conversions refuse.
    """
    install = INSTALLS[name]
    wanted = [file for file in find_files(RECORDS[name], server) if _fits(file.name, patterns)]
    if not wanted:
        raise UserError(f"no file of {name} fits {' '.join(patterns)}: they are {', '.join(RECORDS[name].files)}")
    raw = folder / RAW
    raw.mkdir(parents=True, exist_ok=True)
    to_do = [file for file in wanted if not install.is_done(file, folder)]
    downloads = [missing_bytes([file], raw) for file in to_do]
    at_once = sum(downloads) if keep_raw else max(downloads, default=0)
    check_space(folder, round(at_once + install.growth * sum(file.size for file in to_do)))
    for file in to_do:
        path = download(file, raw)
        print(install.make(file, folder))
        if not keep_raw:
            path.unlink()
    print(f"{folder}: {len(to_do)} files of {name} made, {len(wanted) - len(to_do)} were there already")


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def jetclass_folder(archive: str) -> str:
    """Return the folder in which the ROOT files of one of JetClass's archives lie."""
    return next(f"Pythia/{split}" for split in ("train_100M", "val_5M", "test_20M") if split in archive)


def parquet_name(raw: str) -> str:
    """Return the parquet file that one of the files of the Top Landscape or of the quark/gluon jets becomes."""
    if raw in RECORDS["TopLandscape"].files:
        return f"{Path(raw).stem}_file.parquet"
    number = RECORDS["QuarkGluon"].files.index(raw)
    is_training = number < QUARK_GLUON_TRAINING_FILES
    return f"train_file_{number}.parquet" if is_training else f"test_file_{number - QUARK_GLUON_TRAINING_FILES}.parquet"


def _unpack(file: RemoteFile, folder: Path) -> str:
    target = folder / jetclass_folder(file.name)
    sizes = unpack(folder / RAW / file.name, target)
    with written_whole(_unpacked_note(file, folder)) as temporary:
        temporary.write_text(json.dumps({"md5": file.md5, "files": sizes}, indent=1) + "\n")
    return f"{file.name}: {len(sizes)} files in {target}"


def _is_unpacked(file: RemoteFile, folder: Path) -> bool:
    """Return whether all files of the archive were unpacked and are still there."""
    note = _unpacked_note(file, folder)
    if not note.exists():
        return False
    found = json.loads(note.read_text())
    paths = {folder / jetclass_folder(file.name) / name: size for name, size in found["files"].items()}
    there = all(path.is_file() and path.stat().st_size == size for path, size in paths.items())
    return found["md5"] == file.md5 and there


def _unpacked_note(file: RemoteFile, folder: Path) -> Path:
    return folder / RAW / f"{file.name}.unpacked.json"


def _convert(file: RemoteFile, folder: Path) -> str:
    convert = top_landscape.convert if file.name.endswith(".h5") else quark_gluon.convert
    target = folder / parquet_name(file.name)
    n_jets = convert(folder / RAW / file.name, target, note=_source(file))
    return f"{file.name}: {n_jets} jets in {target}, all of them (the public conversion leaves out the last one)"


def _is_converted(file: RemoteFile, folder: Path) -> bool:
    target = folder / parquet_name(file.name)
    if not target.exists():
        return False
    if note_of(target) != _source(file):
        raise UserError(f"{target} is there and was not made from {file.name} by this script: move it away")
    return True


def _source(file: RemoteFile) -> str:
    return f"{file.name} MD5 {file.md5}"


INSTALLS = {
    "JetClass": Install(_is_unpacked, _unpack, growth=1),
    "TopLandscape": Install(_is_converted, _convert, growth=3),
    "QuarkGluon": Install(_is_converted, _convert, growth=4),
}
