"""Class-balanced subsets with a fixed number of labels, for few-shot fine-tuning.

Weaver's `--data-fraction` draws other jets every epoch, so few-shot training needs files of its own. Subsets of one
seed are nested: the larger ones contain the jets of the smaller ones. Data sets in one piece can have jets held out for
validation and test. No subset with the same seed and the same held-out numbers contains them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.overlap import check_apart
from hepjepa_weaver.datasets.pool import ClassJets, Entries, JetPool
from hepjepa_weaver.datasets.subset_manifest import begin, is_made, write_manifest

TRAIN, VALIDATION, TEST = ".", "val", "test"
Chosen = dict[Path, dict[Path, Entries]]  # entries by source file, by file to write (relative)


@dataclass(frozen=True)
class HeldOut:
    """Numbers of jets per class that are kept for validation and for test."""

    validation: int = 0
    test: int = 0


def make_fewshot(
    pool: JetPool,
    output: Path,
    labels_per_class: int,
    seed: int,
    held_out: HeldOut | None = None,
    apart_from: Sequence[Path] = (),
    allow_common: int = 0,
) -> bool:
    """Write `labels_per_class` jets of each class to `output`, one file per class, and a manifest.

    Held-out jets go to `output`/val and `output`/test.

    Args:
        pool: jets to choose from.
        output: folder of the subset.
        labels_per_class: number of jets per class for training.
        seed: seed of the choice.
        held_out: number of held-out jets per class.
        apart_from: files or directories that must not share jets with those for training.
        allow_common: number of shared jets to tolerate.

    Returns:
        False, with nothing changed, if `output` already holds this subset.

    Raises:
        UserError: there is a single class, or one with too few jets. Also for fewer than one label, unreadable files,
            jets that are in `apart_from`, or an `output` that holds something else.
    """
    held_out = held_out or HeldOut()
    if labels_per_class < 1 or seed < 0 or min(held_out.validation, held_out.test) < 0:
        raise UserError("labels per class have to be 1 or more, the seed and the held-out jets 0 or more")
    if len(pool.classes) < 2:
        raise UserError(
            f"all jets are of one class, {pool.classes[0].name}: name the column that tells classes by --label, or "
            "give the files of other classes, too"
        )
    if output.resolve() in [path.parent.resolve() for path in pool.files()]:
        raise UserError(f"{output} holds the source files: choose another -o")
    needed = labels_per_class + held_out.validation + held_out.test
    for jets in pool.classes:
        if jets.total() < needed:
            raise UserError(
                f"class {jets.name} has {jets.total()} jets, fewer than the {needed} asked for: "
                "lower --labels-per-class or --fraction, or make more jets"
            )
    request = {
        "labels_per_class": labels_per_class,
        "seed": seed,
        "held_out": {VALIDATION: held_out.validation, TEST: held_out.test},
        "label": pool.label,
        "source_files": {jets.name: jets.sizes() for jets in pool.classes},
        "source_identities": pool.identities(),
    }
    already_made = is_made(output, request)
    if already_made and not apart_from:
        return False
    chosen: Chosen = {}
    for jets in pool.classes:
        chosen |= choose_jets(jets, labels_per_class, seed, held_out)
    check_apart({file: parts for file, parts in chosen.items() if file.parent == Path(TRAIN)}, apart_from, allow_common)
    if already_made:
        return False
    begin(output, request)
    for file, parts in chosen.items():
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        kind_of(file).copy_jets(parts, output / file)
    write_manifest(output, request, chosen)
    return True


def choose_jets(jets: ClassJets, n_jets: int, seed: int, held_out: HeldOut | None = None) -> Chosen:
    """Choose jets of a class: those for training and, if requested, the held-out ones.

    One permutation of the class decides. It depends only on the seed, the name of the class and its number of jets. Its
    first `n_jets` are for training, and its last ones are held out. Hence no jet is used twice, and subsets are nested.
    """
    held_out = held_out or HeldOut()
    total, permutation = jets.total(), permutation_of(jets, seed)
    first_test = total - held_out.test
    groups = {
        TRAIN: permutation[:n_jets],
        VALIDATION: permutation[first_test - held_out.validation : first_test],
        TEST: permutation[first_test:],
    }
    suffix = next(iter(jets.files)).suffix
    return {
        Path(folder, f"{jets.name}_000{suffix}"): jets.locate(np.sort(group))
        for folder, group in groups.items()
        if len(group)
    }


def permutation_of(jets: ClassJets, seed: int) -> Entries:
    """Return the jets of a class in the order of a seed, which makes subsets nested."""
    return np.random.default_rng([seed, *jets.name.encode()]).permutation(jets.total())
