"""Class-balanced subsets with a fixed number of labels, for few-shot fine-tuning.

Weaver's `--data-fraction` draws other jets every epoch, so few-shot training needs files of its own. For one
seed the subsets are nested: the jets of a small one are all in the larger ones. The manifest lists every
chosen jet, so that a subset can be made again even where numpy changes its random numbers.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.datasets.jet_files import (
    class_files,
    count_jets,
    counter_branches,
    file_identity,
    join_jets,
    read_jets,
    write_jets,
)
from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import UserError

MANIFEST = "manifest.json"


def make_fewshot(source: Path, output: Path, labels_per_class: int, seed: int) -> bool:
    """Write `labels_per_class` jets of each class in `source` to `output`, one file a class, and a manifest.

    Returns False, having changed nothing, if `output` already holds this subset. Raises UserError for fewer
    than one label, a class with too few jets, unreadable files, or an `output` that holds something else.
    """
    if labels_per_class < 1 or seed < 0:
        raise UserError("labels per class have to be 1 or more and the seed 0 or more")
    if output.resolve() == source.resolve():
        raise UserError(f"{output} holds the source files: choose another -o")
    classes = class_files(source)
    sizes = {name: {path.name: count_jets(path) for path in paths} for name, paths in classes.items()}
    for name, files in sizes.items():
        if sum(files.values()) < labels_per_class:
            raise UserError(
                f"class {name} has {sum(files.values())} jets in {source}, fewer than the {labels_per_class} "
                "asked for: lower --labels-per-class or make more jets"
            )
    identities = {path.name: file_identity(path) for paths in classes.values() for path in paths}
    request = {"labels_per_class": labels_per_class, "seed": seed, "source_files": sizes, "source_uuids": identities}
    if _already_made(output, request):
        return False

    output.mkdir(parents=True, exist_ok=True)
    chosen = {name: choose_jets(name, files, labels_per_class, seed) for name, files in sizes.items()}
    checksums = {name: _write_class(name, source, output, chosen[name]) for name in sizes}
    manifest = {
        "request": request,
        "source": str(source),
        "counts": dict.fromkeys(sizes, labels_per_class),
        "chosen_entries": {
            name: {file: entries.tolist() for file, entries in files.items()} for name, files in chosen.items()
        },
        "sha256": {_file_name(name): checksum for name, checksum in checksums.items()},
    }
    with written_whole(output / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n")
    return True


def choose_jets(class_name: str, sizes: dict[str, int], n_jets: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """Return the chosen entries (ascending) by file, of files with `sizes` entries.

    They are the first `n_jets` of one permutation of the class that depends on the seed, the name and the
    number of its jets only: hence no jet twice, and nested subsets.
    """
    total = sum(sizes.values())
    permutation = np.random.default_rng([seed, *class_name.encode()]).permutation(total)
    jets = np.sort(permutation[:n_jets])
    chosen, first = {}, 0
    for file, size in sizes.items():
        entries = jets[(jets >= first) & (jets < first + size)] - first
        if len(entries):
            chosen[file] = entries
        first += size
    return chosen


def _write_class(name: str, source: Path, output: Path, chosen: dict[str, NDArray[np.int64]]) -> str:
    """Write the chosen jets of one class and return the SHA-256 of the file."""
    parts = {source / file: read_jets(source / file, entries) for file, entries in chosen.items()}
    path = output / _file_name(name)
    write_jets(join_jets(parts), path, counter_branches(next(iter(parts))))
    return _sha256(path)


def _already_made(output: Path, request: dict[str, Any]) -> bool:
    """Return whether `output` holds this very subset. Raises UserError if it holds another, or a damaged one."""
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
    for file, checksum in checksums.items():
        if not (output / file).is_file() or _sha256(output / file) != checksum:
            raise UserError(f"{output / file} is missing or not as written: {remedy}")
    return True


def _file_name(class_name: str) -> str:
    return f"{class_name}_000.root"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
