"""The report of a run in Markdown: its commands, a comparison of its networks, and their training curves."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.regressed_numbers import RegressedNumber
from hepjepa_weaver.evaluation.tables import check_same_jets, class_counts, numbers_table, results_table


@dataclass(frozen=True)
class TimedCommand:
    """One step of a run: its wall time in seconds and its command as typed."""

    seconds: float
    command: str


@dataclass(frozen=True)
class Report:
    """Everything that a report shows.

    Attributes:
        networks: predictions of classes by the name of the table row.
        numbers: regressed numbers by the name of the table row.
        background: class to reject.
        plots: PNG files by caption.
        commands: steps of the run.
    """

    networks: Mapping[str, Predictions]
    numbers: Mapping[str, Sequence[RegressedNumber]] = field(default_factory=dict)
    background: str = "QCD"
    plots: Mapping[str, Path] = field(default_factory=dict)
    commands: Sequence[TimedCommand] = ()


def read_commands(path: Path) -> list[TimedCommand]:
    """Read a log with one line `seconds<TAB>command` for each step.

    Raises:
        UserError: the log cannot be read, or a line is of another form; the message gives its number.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"command log {path} cannot be read: check --commands") from error
    commands = []
    for number, line in enumerate(lines, start=1):
        seconds, tab, command = line.partition("\t")
        try:
            commands.append(TimedCommand(float(seconds), command))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: not seconds<TAB>command") from error
        if not tab or not command.strip():
            raise UserError(f"{path}, line {number}: not seconds<TAB>command")
    return commands


def write_report(report: Report, path: Path) -> None:
    """Write `report` to `path`, whole or not at all; links to plots are relative to it.

    Raises:
        UserError: the networks were not tested on the same number of jets of each class.
    """
    sections = [_statement(report)]
    if report.networks:
        check_same_jets(report.networks)
        sections.append("## Test results\n\n" + results_table(report.networks, report.background))
    if report.numbers:
        sections.append("## Regressed numbers\n\n" + numbers_table(report.numbers))
    sections += [
        *_plots(report, path.parent),
        *_commands(report),
        made_with(),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text("\n\n".join(sections) + "\n")


def _statement(report: Report) -> str:
    predictions = next(iter(report.networks.values()), None)
    number_of_jets = len(predictions.labels) if predictions else len(next(iter(report.numbers.values()))[0].true)
    classes = f"\n\nTest jets per class: {class_counts(predictions)}." if predictions else ""
    return (
        "# Report\n\n"
        f"{len(report.networks or report.numbers)} networks trained with weaver, tested on the same {number_of_jets} "
        "jets. "
        "This page shows what came out and claims nothing: where a pre-trained "
        "encoder does not beat one trained from scratch at this size, the table shows that too. Every test result "
        "follows from the prediction files alone. Errors are half the interval that 68 % of bootstrap "
        f"replicas of the test jets span. They leave out the standard deviation over training seeds.{classes}"
    )


def _plots(report: Report, folder: Path) -> list[str]:
    return [
        f"## {caption}\n\n![{caption}]({Path(os.path.relpath(plot, folder)).as_posix()})"
        for caption, plot in report.plots.items()
    ]


def _commands(report: Report) -> list[str]:
    if not report.commands:
        return []
    lines = [f"{step.seconds:8.0f} s  {step.command}" for step in report.commands]
    total = sum(step.seconds for step in report.commands)
    return [
        "## Commands and wall times\n\n```text\n"
        + "\n".join([*lines, f"{total:8.0f} s  sum of the steps (some ran side by side)"])
        + "\n```"
    ]
