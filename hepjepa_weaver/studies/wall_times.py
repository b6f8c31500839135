"""Wall times of a study, from the files that the `benchmark` entries of the Snakefile leave."""

from pathlib import Path

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.studies.cells import cells, network_of, pretraining_runs
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.study_plan import StudyPlan

TIME = "time.tsv"
Seconds = dict[str, list[float]]


def training_times(plan: StudyPlan) -> Seconds:
    """Return the wall times in seconds of all trainings, by what was trained.

    The time of an interrupted training is that of its last attempt.
    """
    layout = Layout(plan)
    times: Seconds = {}
    for run in pretraining_runs(plan):
        _add_time(times, f"pre-training {run.name}", layout.found(layout.pretrained(run).with_name(TIME)))
    for cell in cells(plan):
        network = network_of(plan, cell)
        for recipe in plan.methods[network.method].tried:
            path = layout.found(layout.trained(cell, recipe) / TIME)
            _add_time(times, f"{cell.task}: {network.title}", path)
    return times


def _add_time(times: Seconds, what: str, path: Path) -> None:
    if path.is_file():  # some recipes are not tried with every seed
        times.setdefault(what, []).append(float(path.read_text().splitlines()[1].split("\t")[0]))


def total_hours(times: Seconds) -> float:
    """Return the total hours of all trainings."""
    return sum(map(sum, times.values())) / 3600


def hours_table(times: Seconds) -> str:
    """Return the table of trainings and hours, by what was trained."""
    rows = [[what, str(len(seconds)), f"{sum(seconds) / 3600:.2f}"] for what, seconds in times.items()]
    rows.append(["all", str(sum(map(len, times.values()))), f"{total_hours(times):.2f}"])
    return markdown_table(["what", "trainings", "hours, summed up"], rows, words=1)
