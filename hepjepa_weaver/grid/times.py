"""How long a grid took, from the files that Snakefile's `benchmark` entries leave."""

from hepjepa_weaver.evaluation.tables import markdown_table
from hepjepa_weaver.grid.layout import Layout
from hepjepa_weaver.grid.plan import GridPlan

Seconds = dict[str, list[float]]


def training_times(plan: GridPlan) -> Seconds:
    """Wall time in seconds of every training, by what was trained; of interrupted ones, of the last attempt."""
    layout = Layout(plan)
    folders = {f"pre-training {name}": layout.pretrained(name).parent for name in plan.pretrainings}
    for name in plan.tasks:
        for key, method in plan.methods.items():
            folders[f"{name}: {method.title}"] = layout.output / "trained" / name / key
    times = {
        what: [float(path.read_text().splitlines()[1].split("\t")[0]) for path in sorted(folder.rglob("time.tsv"))]
        for what, folder in folders.items()
    }
    return {what: seconds for what, seconds in times.items() if seconds}


def total_hours(times: Seconds) -> float:
    """Return the hours of all trainings, summed up."""
    return sum(map(sum, times.values())) / 3600


def hours_table(times: Seconds) -> str:
    """Trainings and hours by what was trained."""
    rows = [[what, str(len(seconds)), f"{sum(seconds) / 3600:.2f}"] for what, seconds in times.items()]
    rows.append(["all", str(sum(map(len, times.values()))), f"{total_hours(times):.2f}"])
    return markdown_table(["what", "trainings", "hours, summed up"], rows, words=1)
