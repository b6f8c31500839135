"""Choice of a recipe of training by validation jets."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from hepjepa_weaver.common.epoch_metrics import best_metric
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.studies.cells import Cell, network_of, trial_cells
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Recipe


def trials(plan: StudyPlan, cell: Cell) -> dict[str, list[Path]]:
    """Return the files with the epoch metrics of all trials for a cell, by the name of the recipe."""
    layout, method = Layout(plan), plan.methods[network_of(plan, cell).method]
    tried = trial_cells(plan, cell)
    return {recipe.name: [layout.validated(trial, recipe) for trial in tried] for recipe in method.tried}


def choose(logs: Mapping[str, Sequence[Path]]) -> tuple[str, str]:
    """Return the recipe with the highest validation accuracy, and a table; of equal recipes the first is chosen.

    The accuracy is that of the best epoch, averaged over the trials. The table has a line for each recipe: name,
    accuracy, and a mark at the one chosen.

    Args:
        logs: files with the epoch metrics of the trials of each recipe.

    Raises:
        UserError: there are no recipes, or a trial was not validated.
    """
    if not logs:
        raise UserError("there are no recipes to choose from")
    measured = {name: statistics.mean(map(best_metric, paths)) for name, paths in logs.items()}
    best = max(measured, key=lambda name: measured[name])
    lines = [f"{name}\t{value:.5f}\t{'chosen' if name == best else ''}".rstrip() for name, value in measured.items()]
    return best, "\n".join(lines) + "\n"


def write_choice(plan: StudyPlan, cell: Cell) -> None:
    """Choose the recipe of a cell, whose trials are done, and write it where `chosen` looks.

    Raises:
        UserError: a trial was not validated.
    """
    path, (_, table) = Layout(plan).choice(cell), choose(trials(plan, cell))
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        temporary.write_text(table)


def chosen(plan: StudyPlan, cell: Cell) -> Recipe:
    """Return the recipe chosen for a cell.

    Raises:
        UserError: none was chosen.
    """
    layout = Layout(plan)
    return plan.methods[network_of(plan, cell).method].recipe(name_in(layout.found(layout.choice(cell))))


def name_in(path: Path) -> str:
    """Return the name that is marked in a table from `choose`.

    Raises:
        UserError: there is none.
    """
    lines = path.read_text().splitlines() if path.is_file() else []
    for line in lines:
        if line.endswith("chosen"):
            return line.partition("\t")[0]
    raise UserError(f"{path} marks no recipe or learning rate: delete it and run snakemake again")
