"""The table of a report: accuracy, AUC and background rejections of networks tested on the same jets."""

import math
from collections.abc import Mapping, Sequence

from hepjepa_weaver.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import (
    Measurement,
    Rejection,
    tagging_metrics,
)


def check_same_jets(networks: Mapping[str, Predictions]) -> None:
    """Raise UserError where two networks differ in their jets per class: their figures do not compare."""
    (first, reference), *others = networks.items()
    for name, predictions in others:
        if predictions.jets_per_class() != reference.jets_per_class():
            raise UserError(
                f"'{name}' and '{first}' have different test jets ({class_counts(predictions)} and "
                f"{class_counts(reference)}): predict with the same test files"
            )


def results_table(networks: Mapping[str, Predictions], background: str) -> str:
    """Return the Markdown table, a row per network, and the definitions of its columns."""
    metrics = {name: tagging_metrics(predictions, background) for name, predictions in networks.items()}
    points = next(iter(metrics.values())).rejections
    heads = ["network", "accuracy", "AUC", *map(str, points)]
    rows = [
        [name, format_value(m.accuracy), format_value(m.auc), *map(format_rejection, m.rejections.values())]
        for name, m in metrics.items()
    ]
    return (
        markdown_table(heads, rows, words=1)
        + "\n\nAccuracy: the highest score is that of the true class. AUC: unweighted mean over class pairs of "
        f"the one-vs-one AUC. Other columns: {background} rejection 1/FPR at the stated signal efficiency, from "
        f"the score p_signal / (p_signal + p_{background}); `0/B pass` where none of the B {background} jets "
        "passes, so that the rejection is undefined."
    )


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """A Markdown table whose first `words` columns are words; the others are numbers and stand on the right."""
    lines = [heads, ["---"] * words + ["---:"] * (len(heads) - words), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def format_value(measurement: Measurement) -> str:
    """Return `value ± error` with two significant digits of the error, or `undefined`."""
    value, error = measurement.value, measurement.error
    if value is None:
        return "undefined"
    if not error:
        return f"{value:.4g} ± {'?' if error is None else '0'}"
    return plus_minus(value, error)


def plus_minus(value: float, error: float) -> str:
    """Return `value ± error` with two significant digits of the error, which is above 0."""
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def format_rejection(rejection: Rejection) -> str:
    """Return `value ± error`, or the counts where no background jet passes."""
    if rejection.value is None:
        return f"0/{rejection.n_background} pass"
    return format_value(rejection)


def class_counts(predictions: Predictions) -> str:
    """Return the jets of each class in words."""
    return ", ".join(f"{name} {count}" for name, count in predictions.jets_per_class().items())
