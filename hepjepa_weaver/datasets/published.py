"""From a published record to files that weaver reads: download, then unpack or convert, file by file.

FOLDER/raw keeps what was downloaded. Weaver's files lie where the particle_transformer repository has them.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.download import check_space, download, missing_bytes
from hepjepa_weaver.datasets.jetclass import JETCLASS
from hepjepa_weaver.datasets.published_set import RAW
from hepjepa_weaver.datasets.quark_gluon import QUARK_GLUON
from hepjepa_weaver.datasets.records import ZENODO, find_files
from hepjepa_weaver.datasets.top_landscape import TOP_LANDSCAPE

DATA_SETS = {"JetClass": JETCLASS, "TopLandscape": TOP_LANDSCAPE, "QuarkGluon": QUARK_GLUON}


def get_dataset(name: str, folder: Path, patterns: Sequence[str], server: str = ZENODO, keep_raw: bool = True) -> None:
    """Download the files of data set `name` that match one of `patterns`, and make weaver's files of them.

    Finished files are kept.

    Raises:
        UserError: the pattern matches no file, the disk is too full, or a download, an archive or a conversion is
            refused.
        KeyError: there is no such data set.
    """
    data_set = DATA_SETS[name]
    wanted = [file for file in find_files(data_set.record, server) if _fits(file.name, patterns)]
    if not wanted:
        raise UserError(f"no file of {name} fits {' '.join(patterns)}: they are {', '.join(data_set.record.files)}")
    raw = folder / RAW
    raw.mkdir(parents=True, exist_ok=True)
    to_do = [file for file in wanted if not data_set.is_done(file, folder)]
    downloads = [missing_bytes([file], raw) for file in to_do]
    at_once = sum(downloads) if keep_raw else max(downloads, default=0)
    check_space(folder, round(at_once + data_set.growth * sum(file.size for file in to_do)))
    for file in to_do:
        path = download(file, raw)
        print(data_set.make(file, folder))
        if not keep_raw:
            path.unlink()
    print(f"{folder}: {len(to_do)} files of {name} made, {len(wanted) - len(to_do)} were there already")


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
