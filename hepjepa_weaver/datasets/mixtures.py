"""Two mixtures of jets for classification without labels, equal but for a signal that one of them holds.

A classifier that tells the mixtures apart tells signal from background (CWoLa, 1708.02949). The set-up is that of MPM
and MPMv2 (2401.13537, 2409.12589): half of the background in each mixture, all of the signal in one.

True labels stay in the files as they are. Nothing is chosen by them but the jets that go into the mixtures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.fewshot import TEST, TRAIN, VALIDATION, Chosen, permutation_of
from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.pool import ClassJets, Entries, JetPool
from hepjepa_weaver.datasets.subset_manifest import begin, is_made, write_manifest

BACKGROUND, MIXED = "background", "mixed"
LABELS = {BACKGROUND: "cwola_background", MIXED: "cwola_mixed"}
"""Columns with the weak label: which mixture a jet is from. In the test jets they hold the truth."""


@dataclass(frozen=True)
class Mixture:
    """What the mixtures are made of.

    Attributes:
        signal: class of the signal.
        background: class of the background.
        signal_jets: number of signal jets in one of the mixtures.
        background_jets: number of background jets in both together; an even number.
        validation: number of jets of each mixture that are held out of it for validation, whatever they are.
        test: number of jets of each class for the test, apart from the mixtures.
        seed: seed of the choice. The signal jets of one seed are nested.
    """

    signal: str
    background: str
    signal_jets: int
    background_jets: int
    validation: int = 0
    test: int = 0
    seed: int = 0


def make_mixtures(pool: JetPool, output: Path, mixture: Mixture) -> bool:
    """Write the two mixtures, their validation jets and the test jets, and a manifest.

    Args:
        pool: jets to choose from.
        output: folder to write to: `background_000` and `mixed_000`, the same in `val`, one file a class in `test`.
        mixture: what the mixtures are made of.

    Returns:
        False, with nothing changed, if `output` already holds these mixtures.

    Raises:
        UserError: a class is missing or has too few jets, a number is out of range, or a file cannot be read. Also if
            `output` holds something else.
    """
    _check(pool, output, mixture)
    request = {"cwola": asdict(mixture), "label": pool.label,
               "source_files": {jets.name: jets.sizes() for jets in pool.classes},
               "source_identities": pool.identities()}  # fmt: skip
    if is_made(output, request):
        return False
    chosen, labels = choose(pool, mixture)
    begin(output, request)
    for file, parts in chosen.items():
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        kind_of(file).write_like(next(iter(parts)), _tables(parts, labels[file]), output / file)
    write_manifest(output, request, chosen)
    return True


def choose(pool: JetPool, mixture: Mixture) -> tuple[Chosen, dict[Path, str]]:
    """Return the entries by source of each file to write, and the weak label of the jets of each."""
    signal, background = (class_of_pool(pool, name) for name in (mixture.signal, mixture.background))
    permutation = {jets.name: permutation_of(jets, mixture.seed) for jets in (signal, background)}
    of_signal = permutation[signal.name][: mixture.signal_jets]
    of_background = permutation[background.name][: mixture.background_jets]
    members = {BACKGROUND: [(background, of_background[0::2])],
               MIXED: [(background, of_background[1::2]), (signal, of_signal)]}  # fmt: skip
    suffix = next(iter(signal.files)).suffix
    chosen: Chosen = {}
    labels: dict[Path, str] = {}
    for name, parts in members.items():
        total = sum(len(jets) for _, jets in parts)
        is_held_out = np.zeros(total, bool)
        rng = np.random.default_rng([mixture.seed, *name.encode()])
        is_held_out[rng.permutation(total)[: mixture.validation]] = True
        for folder, is_in in ((TRAIN, ~is_held_out), (VALIDATION, is_held_out)):
            if is_in.any():
                file = Path(folder, f"{name}_000{suffix}")
                chosen[file], labels[file] = _located(parts, is_in), name
    for jets, label in ((signal, MIXED), (background, BACKGROUND)):
        if mixture.test:
            file = Path(TEST, f"{jets.name}_000{suffix}")
            last = permutation[jets.name][jets.total() - mixture.test :]
            chosen[file], labels[file] = jets.locate(np.sort(last)), label
    return chosen, labels


def class_of_pool(pool: JetPool, name: str) -> ClassJets:
    """Return a class by its name.

    Raises:
        UserError: there is none of this name.
    """
    for jets in pool.classes:
        if jets.name == name:
            return jets
    raise UserError(f"no class {name}: the files have {', '.join(jets.name for jets in pool.classes)}")


def _check(pool: JetPool, output: Path, mixture: Mixture) -> None:
    if mixture.signal == mixture.background:
        raise UserError(f"{mixture.signal} is signal and background: name two classes")
    for name, value, least in (("signal-jets", mixture.signal_jets, 1), ("background-jets", mixture.background_jets, 2),
                               ("validation", mixture.validation, 0), ("test", mixture.test, 0),
                               ("seed", mixture.seed, 0)):  # fmt: skip
        if value < least:
            raise UserError(f"--{name} is {value}: it has to be at least {least}")
    if mixture.background_jets % 2:
        raise UserError(f"--background-jets is {mixture.background_jets}: it has to be even, half for each mixture")
    if mixture.validation >= mixture.background_jets // 2:
        raise UserError(f"--validation is {mixture.validation}: it has to be below half of --background-jets")
    for name, number in ((mixture.signal, mixture.signal_jets), (mixture.background, mixture.background_jets)):
        jets = class_of_pool(pool, name)
        if jets.total() < number + mixture.test:
            raise UserError(f"class {name} has {jets.total()} jets, fewer than the {number + mixture.test} asked for: "
                            "ask for fewer, or make more jets")  # fmt: skip
    if output.resolve() in [path.parent.resolve() for path in pool.files()]:
        raise UserError(f"{output} holds the source files: choose another -o")


def _located(parts: list[tuple[ClassJets, Entries]], is_in: Any) -> dict[Path, Entries]:
    """Return the entries by file of the jets of all parts, one after the other, that are marked in `is_in`."""
    found: dict[Path, Entries] = {}
    first = 0
    for jets, members in parts:
        wanted = members[is_in[first : first + len(members)]]
        first += len(members)
        for path, entries in jets.locate(np.sort(wanted)).items():
            known = found.get(path)
            found[path] = entries if known is None else np.sort(np.concatenate([known, entries]))
    return found


def _tables(parts: Mapping[Path, Entries], label: str) -> Iterator[Any]:
    """Yield the chosen jets with their weak label.

    Raises:
        UserError: the files differ in their columns, or have the columns of the weak label already.
    """
    fields: set[str] = set()
    for path, entries in parts.items():
        first = 0
        for table in kind_of(path).read_all(path):
            inside = entries[(entries >= first) & (entries < first + len(table))] - first
            first += len(table)
            if not len(inside):
                continue
            if set(table.fields) & set(LABELS.values()):
                raise UserError(f"{path} is of a mixture already: give the jets that it was made of")
            fields = fields or set(table.fields)
            if set(table.fields) != fields:
                other = sorted(fields ^ set(table.fields))[0]
                raise UserError(f"{path} differs from other files in the column {other}: give files of one kind")
            jets = table[inside]
            for name, column in LABELS.items():
                jets = ak.with_field(jets, np.full(len(jets), name == label, np.int32), column)
            yield jets
