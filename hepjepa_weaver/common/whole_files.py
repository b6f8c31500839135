"""Files that appear whole or not at all, and checksums.

An interrupted run leaves nothing that looks finished.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it is renamed to `path` when the block succeeds.

    The temporary name ends in `.part`, which no `*.root` or `*.parquet` pattern matches.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None:  # as of a full disk
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folders: Iterable[Path], process_ids: Iterable[int]) -> None:
    """Remove temporary files in folders that `written_whole` left in processes that were killed."""
    endings = tuple(f".{number}.part" for number in process_ids)
    for folder in set(folders):
        for path in folder.glob(".*.part"):
            if path.name.endswith(endings):
                path.unlink(missing_ok=True)


def checksum(path: Path, algorithm: str) -> str:
    """Return the checksum (`md5`, `sha256`) of a file of any size as hexadecimal digits."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
