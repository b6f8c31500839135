"""Archives as data sets are published in, good and harmful ones."""

import io
import tarfile
from pathlib import Path


def member(name: str, size: int = 0, **changes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in changes.items():
        setattr(info, key, value)
    return info


def write_tar(path: Path, files: dict[str, bytes], *others: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            tar.addfile(member(name, len(content)), io.BytesIO(content))
        for other in others:
            tar.addfile(other)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
