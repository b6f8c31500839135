"""Unpacking of tar archives that neither leaves the target folder nor overwrites files."""

import shutil
import tarfile
from pathlib import Path

from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole


def unpack(archive: Path, folder: Path) -> dict[str, int]:
    """Write the files of a tar archive below `folder`, each whole or not at all, and return their sizes by name.

    A file that is there already with its full size is kept, so that an interrupted call can be run again.

    Raises:
        UserError: a file is there with another size, the archive is damaged, or a member is not a plain file or would
            lie outside `folder`. None of these members is written.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            members = [member for member in tar.getmembers() if not member.isdir()]
            places = {member: _place(member, archive, folder) for member in members}
            missing = [member for member, path in places.items() if not path.exists()]
            with tqdm(total=sum(m.size for m in missing), unit="B", unit_scale=True, desc=f"{archive.name} →") as bar:
                for member in missing:
                    _write(tar, member, places[member])
                    bar.update(member.size)
    except (tarfile.TarError, EOFError) as error:
        raise UserError(f"{archive} cannot be unpacked ({error}): delete it and download it again") from error
    return {str(path.relative_to(folder)): member.size for member, path in places.items()}


def _place(member: tarfile.TarInfo, archive: Path, folder: Path) -> Path:
    """Return the path for a member.

    Raises:
        UserError: the member could do harm.
    """
    # Python's own filter does the same, but is not in Debian 12's Python 3.11.2.
    if not (folder / member.name).resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{archive} is not safe to unpack: {member.name} would lie outside {folder}")
    if Path(member.name).is_absolute():
        raise UserError(f"{archive} is not safe to unpack: {member.name} is an absolute path")
    if not member.isfile():
        raise UserError(f"{archive} is not safe to unpack: {member.name} is no plain file")
    path = folder / member.name
    if path.exists() and path.stat().st_size != member.size:
        raise UserError(f"{path} is there and is not the file of {archive.name}: move it away")
    return path


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise UserError(f"{member.name} is no plain file")
    with source, written_whole(path) as temporary, temporary.open("wb") as output:
        shutil.copyfileobj(source, output)
