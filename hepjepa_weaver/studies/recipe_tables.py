"""The recipes and learning rates of a study: which were tried, and which the validation jets chose."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.epoch_metrics import best_metric
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.evaluation.predictions import read_label_names, read_predictions
from hepjepa_weaver.evaluation.tagging_metrics import accuracy
from hepjepa_weaver.studies.cells import cells_of, groups, trial_cells
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.recipe_choice import chosen
from hepjepa_weaver.studies.study_plan import StudyPlan


def choices_table(plan: StudyPlan, task: str) -> str:
    """Return the table of the recipes or learning rates that validation jets chose, by network and number of labels."""
    counts, rows = plan.tasks[task].counts(), []
    for group, members in groups(plan, task).items():
        tried = ", ".join(recipe.name for recipe in plan.methods[members[0].method].tried)
        rows.append([members[0].title, tried, *(chosen_recipes(plan, task, group, labels) for labels in counts)])
    return markdown_table(["network", "tried", *(f"{labels} labels" for labels in counts)], rows, words=2)


def chosen_recipes(plan: StudyPlan, task: str, group: str, labels: str) -> str:
    """Return the choices of all seeds, each once."""
    return ", ".join(dict.fromkeys(chosen(plan, cell).name for cell in cells_of(plan, task, group, labels)))


def recipes_table(plan: StudyPlan, task: str) -> str:
    """Return the table of the accuracy of every recipe on validation and on test jets.

    It is empty unless all seeds tried several recipes, and their predictions were kept.
    """
    if plan.training.try_with != "all_seeds" or len(next(iter(plan.methods.values())).tried) < 2:
        return ""
    layout, names, rows = Layout(plan), read_label_names(Path(plan.tasks[task].data_config)), []
    for labels in plan.tasks[task].counts():
        for group, members in groups(plan, task).items():
            trials = trial_cells(plan, cells_of(plan, task, group, labels)[0])
            for recipe in plan.methods[members[0].method].tried:
                if not all(layout.prediction(cell, recipe).is_file() for cell in trials):
                    return ""
                validation = [best_metric(layout.validated(cell, recipe)) for cell in trials]
                test = [accuracy(read_predictions(layout.prediction(cell, recipe), names)) for cell in trials]
                rows.append([labels, members[0].title, recipe.name, with_spread(validation), with_spread(test)])
    return markdown_table([plan.tasks[task].counted, "network", "recipe", "validation", "test"], rows, words=3)


def with_spread(values: Sequence[float]) -> str:
    """Return the mean of several values ± their standard deviation, or a dash for no value."""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}" if values else "–"
