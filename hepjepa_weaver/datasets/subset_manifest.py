"""The manifest of a subset: the request, every chosen jet, and the checksums of the files written.

The entries are listed so that a subset can be made again even if numpy changes its random numbers.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import checksum, written_whole
from hepjepa_weaver.datasets.jet_files import KINDS
from hepjepa_weaver.datasets.pool import Entries

MANIFEST = "manifest.json"
UNFINISHED = "manifest.json.unfinished"
"""The request of a subset that is being written.

It shows that the files beside it may be replaced.
"""


def write_manifest(output: Path, request: Mapping[str, Any], chosen: Mapping[Path, Mapping[Path, Entries]]) -> None:
    """Write manifest.json, last of all files: a folder without one is not finished."""
    manifest = {
        "request": request,
        "sources": sorted({str(path) for parts in chosen.values() for path in parts}),
        "counts": {str(file): sum(map(len, parts.values())) for file, parts in chosen.items()},
        "sha256": {str(file): checksum(output / file, "sha256") for file in chosen},
        "chosen_entries": {
            str(file): {path.name: entries.tolist() for path, entries in parts.items()}
            for file, parts in chosen.items()
        },
    }
    lines = ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in manifest.items())
    with written_whole(output / MANIFEST) as temporary:
        temporary.write_text(f"{{\n{lines}\n}}\n")
    (output / UNFINISHED).unlink(missing_ok=True)


def begin(output: Path, request: Mapping[str, Any]) -> None:
    """Make the folder of a subset and note the request there.

    Raises:
        UserError: the folder holds files of jets that are not an unfinished part of this subset. Nothing is changed.
    """
    note, text = output / UNFINISHED, json.dumps(request)
    strangers = [path for path in output.rglob("*") if path.suffix in KINDS] if output.is_dir() else []
    is_ours = note.is_file() and note.read_text() == text
    if strangers and not is_ours:
        raise UserError(f"{strangers[0]} is there already and not of this subset: delete it or choose another -o")
    output.mkdir(parents=True, exist_ok=True)
    with written_whole(note) as temporary:
        temporary.write_text(text)


def is_made(output: Path, request: dict[str, Any]) -> bool:
    """Tell whether `output` holds this very subset.

    Raises:
        UserError: it holds another subset, or a damaged one.
    """
    path = output / MANIFEST
    if not path.exists():
        return False
    remedy = f"delete {output} or choose another -o"
    try:
        manifest = json.loads(path.read_text())
        made_by, checksums = dict(manifest["request"]), dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a manifest of this script: {remedy}") from error
    if made_by != request:
        differing = [key for key, value in request.items() if made_by.get(key) != value]
        raise UserError(f"{path} is of another request (it differs in {', '.join(differing)}): {remedy}")
    for file, written in checksums.items():
        if not (output / file).is_file() or checksum(output / file, "sha256") != written:
            raise UserError(f"{output / file} is missing or not as written: {remedy}")
    return True
