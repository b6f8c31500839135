"""Every command of a finished study, in an order in which they can be run by hand."""

from collections.abc import Iterator

from hepjepa_weaver.studies import jet_commands, weaver_commands
from hepjepa_weaver.studies.cells import (
    Cell,
    cells,
    cells_of,
    degradations_of,
    degraded_cells,
    groups,
    network_of,
    pretraining_runs,
    probed,
    trial_cells,
)
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.recipe_choice import chosen
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_task import ALL


def all_commands(plan: StudyPlan) -> Iterator[str]:
    """Yield the commands: pre-trainings and probes first, then those of task after task.

    Raises:
        UserError: a recipe is not chosen yet.
    """
    layout = Layout(plan)
    for run in pretraining_runs(plan):
        yield weaver_commands.pretrain(plan, run)
    for start, view in probed(plan):
        yield weaver_commands.embed(plan, start, view)
        yield jet_commands.probe(plan, str(layout.embeddings(start, view)), str(layout.probe(start, view)))
    for name in plan.tasks:
        yield from dict.fromkeys(_jets(plan, name))
        for cell in cells(plan):
            if cell.task == name:
                yield from _cell(plan, cell)


def shown_commands(plan: StudyPlan) -> Iterator[str]:
    """Yield the commands that the report shows.

    These are the first pre-training of each network, and one training of each method: that with fewest labels and first
    seed.

    Raises:
        UserError: a recipe is not chosen yet.
    """
    shown = set()
    for run in pretraining_runs(plan):
        if plan.pretrainings[run.name].network not in shown:
            shown.add(plan.pretrainings[run.name].network)
            yield weaver_commands.pretrain(plan, run)
    for name, task in plan.tasks.items():
        first = {members[0].method: group for group, members in reversed(groups(plan, name).items())}
        for method in plan.methods:
            cell = cells_of(plan, name, first[method], task.counts()[0])[0]
            yield weaver_commands.train(plan, cell, chosen(plan, cell))


def _jets(plan: StudyPlan, name: str) -> Iterator[str]:
    task = plan.tasks[name]
    if not task.held_out:
        yield jet_commands.check_apart(plan, name)
        yield jet_commands.validation(plan, name)
    for labels in task.counts():
        if labels != ALL:
            yield from (jet_commands.subset(plan, name, labels, seed) for seed in task.seeds)
    for cell, degradation in degraded_cells(plan):
        if cell.task == name:
            yield jet_commands.degrade(plan, name, Layout(plan).draw(cell), degradation)


def _cell(plan: StudyPlan, cell: Cell) -> Iterator[str]:
    layout, choice = Layout(plan), chosen(plan, cell)
    tried = plan.methods[network_of(plan, cell).method].tried if cell in trial_cells(plan, cell) else ()
    for recipe in dict.fromkeys([*tried, choice]):
        yield weaver_commands.train(plan, cell, recipe)
    for jets in (INTACT, *degradations_of(plan, cell)):
        prediction = layout.prediction(cell, choice, jets)
        if jets != INTACT:
            yield weaver_commands.predict_degraded(plan, cell, choice, jets)
        yield jet_commands.evaluate(plan, cell.task, str(prediction), str(layout.metrics(cell, jets)))
