"""The report of a study in Markdown, with its figures beside it, from the files that the workflow leaves."""

from collections.abc import Mapping
from pathlib import Path

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.evaluation.published import published_table
from hepjepa_weaver.evaluation.significance import SIGNIFICANCE_WORDS
from hepjepa_weaver.evaluation.tables import definitions
from hepjepa_weaver.studies.cell_results import Results, read_results
from hepjepa_weaver.studies.command_list import all_commands, shown_commands
from hepjepa_weaver.studies.figure_pages import draw_figures
from hepjepa_weaver.studies.jet_commands import labels_of_all
from hepjepa_weaver.studies.layout import INTACT
from hepjepa_weaver.studies.pretraining_tables import (
    growth_table,
    history_table,
    pretrainings_list,
    pretrainings_table,
)
from hepjepa_weaver.studies.readme_results import insert, summary
from hepjepa_weaver.studies.recipe_tables import choices_table, recipes_table
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.study_tables import (
    errors_from_test_jets,
    first_result,
    metrics_by_network,
    results_table,
    robustness_table,
    spreads_table,
    what_labels_are,
)
from hepjepa_weaver.studies.tagging_task import ALL
from hepjepa_weaver.studies.wall_times import hours_table, training_times

COMMANDS = "commands.txt"
HISTORY = "pretrainings.md"


def write_study_report(plan: StudyPlan, plan_file: Path, output: Path, page: Path | None = None) -> None:
    """Write the report of a finished study to `output`, and its short version into `page` if one is given.

    Raises:
        UserError: results are missing or damaged, or the page has no place for them.
    """
    results = read_results(plan)
    output.parent.mkdir(parents=True, exist_ok=True)
    sections = [_head(plan, plan_file), *_pretrainings(plan, output.parent)]
    for task in plan.tasks:
        sections += _task(plan, results, task, output.parent)
    sections += [f"## Time\n\n{hours_table(training_times(plan))}", _commands(plan, output.parent), made_with()]
    _write(output, "\n\n".join(sections))
    if page:
        insert(page, plan_file.stem, summary(plan, plan_file))


def _head(plan: StudyPlan, plan_file: Path) -> str:
    number = len(next(iter(plan.methods.values())).tried)
    with_seeds = "all seeds" if plan.training.try_with == "all_seeds" else "the first seed"
    return (
        f"# Study\n\nMade from `{plan_file}`, with encoder size `{plan.size}`.\n\n"
        "- Figures are mean ± standard deviation over seeds. A figure of a single seed has the error of the finite "
        "number of test jets.\n"
        f"- A seed of labels is a draw of labels, with weights and batches of its own. `{ALL}` labels have one draw.\n"
        "- The column *seeds* says how many: those of pre-training, where there are several, × those of labels.\n"
        "- With a single seed of pre-training, the standard deviation leaves out what another seed would change.\n"
        f"- Recipes or learning rates that each network tried with {with_seeds}: {number}. Validation jets chose one "
        "for every number of labels. A data set in one piece tries them with each seed."
    )


def _pretrainings(plan: StudyPlan, folder: Path) -> list[str]:
    """Return the section on pre-trainings, and write their epochs to a page of their own in `folder`."""
    if not plan.pretrainings:
        return []
    _write(folder / HISTORY, f"# Pre-trainings, epoch by epoch\n\nOf validation jets.\n\n{history_table(plan)}")
    probes = (
        f" Probes: accuracy of logistic regression fitted to {plan.probe_labels} validation jets, on the others."
        if plan.probe_labels
        else ""
    )
    return [
        f"## Pre-trainings\n\n{pretrainings_list(plan)}",
        pretrainings_table(plan),
        f"Minutes: wall time of training, mean over seeds.{probes} Epoch by epoch: [{HISTORY}]({HISTORY}).",
    ]


def _task(plan: StudyPlan, results: Mapping[str, Results], name: str, folder: Path) -> list[str]:
    """Return the sections of one task, and draw its figures into `folder`."""
    task, intact = plan.tasks[name], results[INTACT]
    jets = first_result(intact, name).jets_per_class
    jets_in_all = labels_of_all(plan, name) if task.all_labels else 0
    figures = draw_figures(plan, intact, name, jets_in_all, folder)
    return [
        f"## {task.title}\n\nSeeds of labels: {len(task.seeds)}. Test jets: "
        f"{', '.join(f'{k} {n}' for k, n in jets.items())}. "
        f"{what_labels_are(plan, name, jets_in_all)}.",
        results_table(plan, intact, name),
        definitions(task.background) + (f" {SIGNIFICANCE_WORDS}" if task.mixture else ""),
        "The finite number of test jets adds, by bootstrap and at most, where it is defined, an error of: "
        f"{errors_from_test_jets(plan, intact, name)}.",
        *_titled("Standard deviation over pre-trainings and over labels", SPREADS, spreads_table(plan, intact, name)),
        *_titled("Growth with the jets seen", GROWTH, growth_table(plan, intact, name)),
        *(f"![{caption}]({figure.name})" for caption, figure in figures.items()),
        *_robustness(plan, results, name),
        f"### Recipes chosen\n\n{choices_table(plan, name)}",
        *_titled("Recipes tried", "Accuracy by recipe, over all seeds.", recipes_table(plan, name)),
        *_published(plan, intact, name),
    ]


SPREADS = (
    "Over pre-trainings: standard deviation of the means over seeds of labels, one mean for each pre-training. "
    "Over labels: standard deviation over seeds of labels after the same pre-training, pooled."
)
GROWTH = (
    "These are points of one run, whose learning rate falls on the way. Networks from scratch are in the table above."
)


def _titled(title: str, text: str, table: str) -> list[str]:
    """Return a section, or none for an empty table."""
    return [f"### {title}\n\n{text}", table] if table else []


def _robustness(plan: StudyPlan, results: Mapping[str, Results], name: str) -> list[str]:
    task = plan.tasks[name]
    if not task.degradations:
        return []
    text = f"### Robustness\n\nAccuracy of the networks of {task.most_labels} labels."
    published = [published_table("Robustness")] if task.published == "JetClass" else []
    return [text, robustness_table(plan, results, name), *published]


def _published(plan: StudyPlan, intact: Results, name: str) -> list[str]:
    task = plan.tasks[name]
    if not task.published:
        return []
    ours = metrics_by_network(plan, intact, name, task.most_labels)
    return [
        f"### Beside published results on {task.published}\n\nOurs with {task.most_labels} labels.",
        published_table(task.published, ours),
        *([published_table("Labels")] if task.published == "JetClass" else []),
    ]


def _commands(plan: StudyPlan, folder: Path) -> str:
    """Write all commands to a file in `folder`, and return a section with some."""
    _write(folder / COMMANDS, "\n".join(all_commands(plan)))
    shown = "\n".join(shown_commands(plan))
    return (
        f"## Commands\n\nAll of them, one a line: [{COMMANDS}]({COMMANDS}). The first pre-training of each network, "
        f"and of each method the training with fewest labels, first seed:\n\n```text\n{shown}\n```"
    )


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(f"{text}\n")
