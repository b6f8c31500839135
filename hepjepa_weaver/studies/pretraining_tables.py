"""The tables of a study on its pre-trainings: their history, their probes, and their growth with the jets seen."""

import statistics
from collections.abc import Iterable

from hepjepa_weaver.common.epoch_metrics import EpochMetrics, read_epochs
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.studies.cell_results import Results, format_summary, number_of_seeds, seeds_of, summarise
from hepjepa_weaver.studies.cells import Network, PretrainingRun, Start, groups, pretraining_runs, setting_title
from hepjepa_weaver.studies.embedding_probe import read_probe
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.recipe_tables import with_spread
from hepjepa_weaver.studies.study_plan import StudyPlan

UNKNOWN = "–"
SHOWN = {
    "loss": "loss",
    "target std": "target_std",
    "event target std": "event_target_std",
    "effective rank": "effective_rank",
    "probe accuracy": "probe_accuracy",
}
"""Columns of the history, with the names of their metrics."""


def pretrainings_list(plan: StudyPlan) -> str:
    """Return a list of the settings of pre-training with their network, data config, jets seen and seeds."""
    return "\n".join(
        f"- `{name}`: {run.network}, {run.data_config}, {run.jets_seen} jets seen in batches of {run.batch_size}, "
        f"seed {', '.join(map(str, run.all_seeds))}"
        for name, run in plan.pretrainings.items()
    )


def pretrainings_table(plan: StudyPlan) -> str:
    """Return the table of all settings of pre-training at their end: wall time, effective rank, linear probes."""
    views = _views(plan, plan.pretrainings)
    rows = []
    for name, setting in plan.pretrainings.items():
        histories = [history_of(plan, PretrainingRun(name, seed)) for seed in setting.all_seeds]
        minutes = [sum(epoch.seconds for epoch in epochs) / 60 for epochs in histories if epochs]
        ranks = [epochs[-1].validation.get("effective_rank") for epochs in histories if epochs]
        known = [rank for rank in ranks if rank is not None]
        rows.append(
            [
                setting_title(plan, name),
                str(len(setting.all_seeds)),
                with_blanks(setting.jets_after(setting.epochs)),
                f"{statistics.mean(minutes):.1f}" if minutes else UNKNOWN,
                f"{statistics.mean(known):.1f}" if known else UNKNOWN,
                *(probes(plan, name, setting.epochs, view) for view in views),
            ]
        )
    heads = ["pre-training", "seeds", "jets seen", "minutes", "effective rank"]
    return markdown_table([*heads, *(f"probe: {view.replace('_', ', ')}" for view in views)], rows, words=1)


def history_table(plan: StudyPlan) -> str:
    """Return the table of every epoch of every pre-training, which shows whether a run learned or collapsed."""
    rows = [
        [
            setting_title(plan, run.name),
            str(run.seed),
            with_blanks(plan.pretrainings[run.name].jets_after(epoch.epoch + 1)),
            *shown(epoch),
        ]
        for run in pretraining_runs(plan)
        for epoch in history_of(plan, run)
    ]
    return markdown_table(["pre-training", "seed", "jets seen", *SHOWN], rows, words=1)


def growth_table(plan: StudyPlan, results: Results, task: str) -> str:
    """Return the table of probes, and of accuracy with the fewest labels, by jets seen.

    It is empty if no pre-training is measured before its end.
    """
    labels = plan.tasks[task].counts()[0]
    early = groups(plan, task, is_final=False)
    growing = list(dict.fromkeys(_setting_of(members[0]) for members in early.values()))
    views, rows = _views(plan, growing), []
    final = {group: members for group, members in groups(plan, task).items() if _setting_of(members[0]) in growing}
    for group, members in sorted({**early, **final}.items(), key=lambda item: _place(plan, item[1][0])):
        start = members[0].start
        assert start is not None  # the table holds only networks with a pre-training
        seeds = seeds_of(plan, results, task, group, labels)
        seen = with_blanks(plan.pretrainings[start.run.name].jets_after(start.epochs))
        measured = [probes(plan, start.run.name, start.epochs, view) for view in views]
        accuracy = format_summary(summarise(seeds, "accuracy"))
        rows.append([members[0].title, seen, number_of_seeds(seeds), *measured, accuracy])
    heads = ["network", "jets seen", "seeds", *(f"probe: {view.replace('_', ', ')}" for view in views)]
    return markdown_table([*heads, f"accuracy, {labels} {plan.tasks[task].counted}"], rows, words=1) if rows else ""


def history_of(plan: StudyPlan, run: PretrainingRun) -> list[EpochMetrics]:
    """Return the epochs of a run.

    There are none if its metrics were not written, as in earlier versions.
    """
    path = Layout(plan).found(Layout(plan).history(run))
    return read_epochs(path) if path.is_file() else []


def shown(epoch: EpochMetrics) -> list[str]:
    """Return the columns of an epoch."""
    values = [epoch.validation.get(name) for name in SHOWN.values()]
    return [UNKNOWN if value is None else f"{value:.4g}" for value in values]


def probes(plan: StudyPlan, name: str, epochs: int, view: str) -> str:
    """Return the accuracy of a linear probe, mean ± standard deviation over the seeds of a setting."""
    setting = plan.pretrainings[name]
    if view not in setting.probes:
        return UNKNOWN
    layout, starts = Layout(plan), [Start(PretrainingRun(name, seed), epochs) for seed in setting.all_seeds]
    return with_spread([read_probe(layout.found(layout.probe(start, view))) for start in starts])


def with_blanks(count: int) -> str:
    """Return a number with a blank before every three digits."""
    return f"{count:,}".replace(",", " ")


def _views(plan: StudyPlan, names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(view for name in names for view in plan.pretrainings[name].probes))


def _setting_of(network: Network) -> str:
    return network.start.run.name if network.start else ""


def _place(plan: StudyPlan, network: Network) -> tuple[int, int, int]:
    """Return the key that sorts networks by method, pre-training and jets seen."""
    assert network.start is not None
    settings = list(plan.pretrainings)
    return list(plan.methods).index(network.method), settings.index(network.start.run.name), network.start.epochs
