"""The short version of a grid's report, for a README that has a place for it."""

from pathlib import Path

from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.evaluation.environment import hardware
from hepjepa_weaver.evaluation.tables import markdown_table
from hepjepa_weaver.grid.layout import Layout
from hepjepa_weaver.grid.plan import GridPlan
from hepjepa_weaver.grid.results import format_summary, read_result, summarise
from hepjepa_weaver.grid.tables import Results, entry

SHOWN = ("accuracy", "AUC")


def summary(plan: GridPlan, plan_file: Path) -> str:
    """Accuracy and AUC of every task in Markdown, a row a method, with what made them."""
    results = {cell: read_result(Layout(plan).metrics(cell)) for cell in plan.cells()}
    tables = [_table(plan, results, task) for task in plan.tasks]
    command = f"snakemake -s scripts/grids/Snakefile --config plan={plan_file} -c2"
    return "\n\n".join([*tables, f"`{command}`, on {hardware()}."])


def insert(readme: Path, name: str, text: str) -> None:
    """Put `text` between the comments `<!-- begin NAME -->` and `<!-- end NAME -->` of a README.

    Raises UserError where it has them not, or not in this order.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = readme.read_text()
    before, found_begin, rest = content.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise UserError(f"{readme} has no place for this grid: write {begin} and {end} where it belongs")
    with written_whole(readme) as temporary:
        temporary.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _table(plan: GridPlan, results: Results, name: str) -> str:
    """One task: mean ± standard deviation over seeds of accuracy and AUC by number of labels."""
    task = plan.tasks[name]
    test_jets = next(sum(result.jets_per_class.values()) for cell, result in results.items() if cell.task == name)
    heads = [task.title, *(f"{metric}, {labels} labels" for metric in SHOWN for labels in task.counts())]
    rows = [
        [
            method.title,
            *(
                format_summary(summarise(entry(plan, results, name, key, labels), metric))
                for metric in SHOWN
                for labels in task.counts()
            ),
        ]
        for key, method in plan.methods.items()
    ]
    return markdown_table(heads, rows, words=1) + f"\n\n{len(task.seeds)} seeds, {test_jets} test jets."
