"""Choose a learning rate by validation jets, among trainings with the first seed."""

from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.weaver_runs import best_validation


def choose_rate(logs: Sequence[tuple[str, Path]]) -> tuple[str, str]:
    """Return the rate whose best epoch has the highest validation accuracy, the first of equal ones, and a table.

    logs: (rate, weaver's log). The table has a line for each rate: rate, accuracy, and a mark at the one chosen.
    Raises UserError for a log without validation.
    """
    if not logs:
        raise UserError("there are no learning rates to choose from")
    measured = [(best_validation(log), rate) for rate, log in logs]
    best = max(measured, key=lambda entry: entry[0])[1]
    lines = [f"{rate}\t{accuracy:.5f}\t{'chosen' if rate == best else ''}".rstrip() for accuracy, rate in measured]
    return best, "\n".join(lines) + "\n"


def rate_in(path: Path) -> str:
    """Return the rate that a table made by `choose_rate` marks."""
    for line in path.read_text().splitlines():
        if line.endswith("chosen"):
            return line.partition("\t")[0]
    raise UserError(f"{path} marks no learning rate: delete it")
