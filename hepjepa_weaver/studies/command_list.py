"""Every command of a finished grid, in an order in which they can be run by hand."""

from collections.abc import Iterator

from hepjepa_weaver.studies import commands
from hepjepa_weaver.studies.layout import INTACT, Layout
from hepjepa_weaver.studies.plan import ALL, Cell, GridPlan
from hepjepa_weaver.studies.rates import rate_in


def all_commands(plan: GridPlan) -> Iterator[str]:
    """Yield the commands: pre-trainings, then those of task after task. The rates have to be chosen already."""
    for name in plan.pretrainings:
        yield commands.pretrain(plan, name)
    for name in plan.tasks:
        yield from dict.fromkeys(_jets(plan, name))
        for cell in plan.cells():
            if cell.task == name:
                yield from _cell(plan, cell)


def _jets(plan: GridPlan, name: str) -> Iterator[str]:
    task = plan.tasks[name]
    if not task.held_out:
        yield commands.check_apart(plan, name)
        yield commands.validation(plan, name)
    for labels in task.counts():
        if labels != ALL:
            yield from (commands.subset(plan, name, labels, seed) for seed in task.seeds)
    for cell, degradation in plan.degraded_cells():
        if cell.task == name:
            yield commands.degrade(plan, name, Layout(plan).draw(cell), degradation)


def _cell(plan: GridPlan, cell: Cell) -> Iterator[str]:
    layout = Layout(plan)
    chosen = rate_in(layout.rate(cell))
    tried = [f"{rate:g}" for rate in plan.methods[cell.method].rates] if cell.seed == layout.rate_seed(cell) else []
    for rate in dict.fromkeys([*tried, chosen]):
        yield commands.train(plan, cell, rate)
    for jets in (INTACT, *plan.degradations_of(cell)):
        prediction = layout.prediction(cell, chosen, jets)
        if jets != INTACT:
            yield commands.predict_degraded(plan, cell, chosen, jets)
        yield commands.evaluate(plan, cell.task, str(prediction), str(layout.metrics(cell, jets)))
