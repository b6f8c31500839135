"""The report of a comparison in Markdown, with its pictures beside it."""

from collections.abc import Mapping
from pathlib import Path

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.measurement import Measurement, format_value
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.fidelity.distances import NUM_BINS
from hepjepa_weaver.fidelity.memorised import NUM_LEADING, Memory
from hepjepa_weaver.fidelity.pictures import draw_errors, draw_observables, labelled
from hepjepa_weaver.fidelity.residuals import Errors, Reconstruction
from hepjepa_weaver.fidelity.results import Comparison, OneReference, Row
from hepjepa_weaver.fidelity.tree_separation import READ

NOTHING = "–"
TITLES = {"original": "original real jets", "reconstructed": "reconstructed real jets"}


def write_report(comparison: Comparison, path: Path, reconstruction: Reconstruction | None = None) -> None:
    """Write the report to `path`, whole or not at all, and its pictures to `STEM-NAME.png` beside it.

    Raises:
        UserError: matplotlib is missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = [_head(comparison)]
    for reference in comparison.references:
        sections += _reference(reference, path)
    if reconstruction is not None:
        sections += _reconstruction(reconstruction, path)
    if comparison.memory is not None:
        sections.append(_memory(comparison.memory))
    sections += [_definitions(comparison), made_with()]
    with written_whole(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n")


def distance_table(rows: Mapping[str, Row]) -> str:
    """Return a table with a row for each observable: distances of the generated jets and of the floor."""
    heads = ["observable", "KL", "KL of the floor", "ratio", "Wasserstein", "of the floor", "in σ", "of the floor in σ"]
    return markdown_table(heads, [_distance_cells(name, row) for name, row in rows.items()], words=1)


def errors_table(errors: Mapping[str, Errors]) -> str:
    """Return a table with a row for each observable: mean |error|, mean error and standard deviation."""
    heads = ["observable", "mean abs. error", "mean error", "standard deviation", "number"]
    rows = [
        [labelled(name), *map(format_value, (of.mean_absolute, of.mean, of.spread)), str(of.number)]
        for name, of in errors.items()
    ]
    return markdown_table(heads, rows, words=1)


def _distance_cells(name: str, row: Row) -> list[str]:
    ours, floor = row.distance, row.floor
    return [
        labelled(name),
        format_value(ours.divergence),
        _or_nothing(floor.divergence if floor else None),
        _or_nothing(row.ratio if floor else None),
        format_value(ours.wasserstein),
        _or_nothing(floor.wasserstein if floor else None),
        format_value(ours.scaled_wasserstein),
        _or_nothing(floor.scaled_wasserstein if floor else None),
    ]


def _or_nothing(measurement: Measurement | None) -> str:
    return NOTHING if measurement is None else format_value(measurement)


def _head(comparison: Comparison) -> str:
    given = ", ".join(f"{name} {number}" for name, number in comparison.given.items())
    number = comparison.references[0].num_jets
    left_out = ", ".join(comparison.left_out)
    without = f" Left out are classes that a sample lacks: {left_out}." if left_out else ""
    return (
        f"# Generated jets against real ones\n\nEach sample has {number} jets here, the largest common number. "
        f"Given were: {given}. Where all jets have labels, each class has the same number in all samples.{without}"
    )


def _reference(reference: OneReference, path: Path) -> list[str]:
    title = TITLES.get(reference.name, reference.name)
    picture = path.with_name(f"{path.stem}-{reference.name}.png")
    draw_observables(reference.samples, reference.name, picture)
    sections = [
        f"## Against {title}\n\n{reference.num_jets} jets in each sample.\n\n{distance_table(reference.rows)}",
        f"![Observables of generated jets and {title}]({picture.name})",
    ]
    sections.append(f"### Classifiers\n\n{_separations_table(reference)}")
    for name, (number, rows) in reference.by_class.items():
        sections.append(f"### {name} against {title}\n\n{number} jets in each sample.\n\n{distance_table(rows)}")
    return sections


def _separations_table(reference: OneReference) -> str:
    half = reference.num_jets - reference.num_jets // 2
    rows = [
        [network, format_value(of.auc), _or_nothing(of.floor), str(half)]
        for network, of in reference.separations.items()
    ]
    return markdown_table(["classifier", "AUC", "AUC of the floor", "test jets of each sample"], rows, words=1)


def _reconstruction(reconstruction: Reconstruction, path: Path) -> list[str]:
    picture = path.with_name(f"{path.stem}-errors.png")
    draw_errors(reconstruction.differences, picture)
    tables = [f"### {name}\n\n{errors_table(errors)}" for name, errors in reconstruction.errors.items()]
    return ["## Errors of reconstructed jets", f"![Reconstructed minus original]({picture.name})", *tables]


def _memory(memory: Memory) -> str:
    rows = [
        ["median distance to the nearest training jet", f"{memory.to_training:.3f}"],
        ["median distance to the nearest test jet", f"{memory.to_test:.3f}"],
        ["fraction nearer to a training jet", format_value(memory.nearer_to_training)],
        ["copies of training jets", str(memory.num_copies)],
        ["generated jets", str(memory.num_generated)],
        ["training jets, and as many test jets", str(memory.num_neighbours)],
    ]
    return f"## Copies of training jets\n\n{markdown_table(['quantity', 'value'], rows, words=1)}"


def _definitions(comparison: Comparison) -> str:
    settings = comparison.settings
    steps = f", the networks for {settings.steps} steps" if settings.steps else ""
    classifiers = (
        f"AUC: of a classifier trained on half of either sample{steps}, and tested on the other half. It is 0.5 if the "
        "classifier finds no difference. Few jets and few steps hide differences. "
        f"Boosted trees read {', '.join(READ)}. "
    )
    return (
        "## Definitions\n\nFloor: the same measurement with other real jets in place of the generated ones. "
        f"KL: divergence of the reference from the sample in nats, in {NUM_BINS} bins of equal content in the "
        "reference, open at both ends, with half a count more in each. Two equal samples do not reach 0. "
        "Wasserstein: mean distance by which values have to move, in the unit of the observable, and in standard "
        f"deviations σ of the reference. {classifiers}"
        "Jets are sums of massless particles, relative to the jet axis. τ and D2 leave out jets with fewer than three "
        f"particles. Errors: half the interval that 68 % of {settings.replicas} bootstrap replicas of the jets span. "
        "That of a KL is without the fluctuations that replicas add of their own. "
        f"Copies: distances between pT fractions, Δη and Δφ of the leading {NUM_LEADING} particles, in standard "
        "deviations. Half of the generated jets are nearer to a training jet if nothing was memorised."
    )
