"""Tables of what a search measured."""

from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import Any

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.search.plan import SCRATCH, Plan
from hepjepa_weaver.search.results import ACCURACY, PROBE, Row

CAPTION = (
    "\n\nSeeds: of pre-training. Minutes: wall time of one pre-training, with whatever else ran beside it. Probe: "
    "logistic regression on validation jets. Columns of labels: accuracy on all test jets, mean ± standard deviation "
    "over label subsets and, where there are several, pre-training seeds."
)


def rows_of_plan(rows: Iterable[Row], plan: Plan) -> list[Row]:
    """Rows of what the plan has: its settings, in their order and by jets seen, with its seeds, recipes and views."""
    places = list(plan.settings)
    known = [row for row in rows if row.setting in plan.settings and is_in_plan(row, plan)]
    return sorted(known, key=lambda row: (places.index(row.setting), row.jets_seen))


def is_in_plan(row: Row, plan: Plan) -> bool:
    """Whether the row's setting has this seed, and this view or recipe."""
    setting, tuning = plan.settings[row.setting], plan.finetuning
    recipes = tuning.scratch_recipes if setting.network == SCRATCH else tuning.recipes
    views = setting.views if row.measure == PROBE else tuple(recipes)
    is_subset = row.measure == PROBE or row.label_seed in tuning.seeds
    return row.seed in setting.seeds and row.view in views and is_subset


def results_table(rows: Sequence[Row], labels: Sequence[int]) -> str:
    """A Markdown table with a row for every setting and budget: probes, and accuracies with the recipe of fine-tuning
    that is best on validation jets."""
    heads = ["setting", "seeds", "jets seen", "minutes", "probe: target, mean", "context, mean", "better class token"]
    heads += [f"{count} labels/class" for count in labels]
    lines = []
    for (setting, jets_seen), mine in grouped(rows, "setting", "jets_seen").items():
        seeds = {row.seed for row in mine}
        minutes = mean({row.seed: row.seconds for row in mine}.values()) / 60
        views = {
            view: values(of) for (measure, view), of in grouped(mine, "measure", "view").items() if measure == PROBE
        }
        tokens = [views[name] for name in ("target_class", "context_class") if name in views]
        class_token = max(tokens, key=mean, default=[])
        probes = [with_spread(found) for found in (views.get("target_mean"), views.get("context_mean"), class_token)]
        tuned = [with_spread(best_recipe([row for row in mine if row.labels == count])) for count in labels]
        lines.append([setting, str(len(seeds)), with_blanks(jets_seen), f"{minutes:.1f}", *probes, *tuned])
    return markdown_table(heads, lines, words=1) + CAPTION


def recipes_table(rows: Iterable[Row]) -> str:
    """A Markdown table with a row for every recipe of fine-tuning, on validation and on test jets."""
    heads = ["setting", "recipe", "jets seen", "labels/class", "validation", "test"]
    tuned = grouped([row for row in rows if row.measure == ACCURACY], "setting", "view", "jets_seen", "labels")
    lines = [
        [setting, recipe, with_blanks(jets_seen), str(count), with_spread(validations(mine)), with_spread(values(mine))]
        for (setting, recipe, jets_seen, count), mine in tuned.items()
    ]
    return markdown_table(heads, lines, words=2)


def best_recipe(rows: Iterable[Row]) -> list[float]:
    """Test accuracies, one a seed, of the recipe with the highest mean accuracy on validation jets, of those that are
    measured with the most seeds."""
    recipes = grouped([row for row in rows if row.measure == ACCURACY], "view").values()
    best: list[Row] = max(recipes, key=lambda mine: (len(mine), mean(validations(mine))), default=[])
    return values(best)


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows that agree in the fields of these names, by their values."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
    return groups


def values(rows: Iterable[Row]) -> list[float]:
    """What was measured."""
    return [row.value for row in rows]


def validations(rows: Iterable[Row]) -> list[float]:
    """Accuracies on validation jets."""
    return [row.validation for row in rows if row.validation is not None]


def with_blanks(count: int) -> str:
    """A number with a blank before every three digits."""
    return f"{count:,}".replace(",", " ")


def with_spread(found: Sequence[float] | None) -> str:
    """Mean ± standard deviation of several values."""
    if not found:
        return "–"
    return f"{mean(found):.3f}" + (f" ± {stdev(found):.3f}" if len(found) > 1 else "")
