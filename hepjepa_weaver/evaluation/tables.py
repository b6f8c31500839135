"""The table of a report: accuracy, AUC and background rejections of networks tested on the same jets."""

from collections.abc import Mapping

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.measurement import format_value
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import Rejection, tagging_metrics


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


def format_rejection(rejection: Rejection) -> str:
    """Return `value ± error`, or the counts where no background jet passes."""
    if rejection.value is None:
        return f"0/{rejection.n_background} pass"
    return format_value(rejection)


def class_counts(predictions: Predictions) -> str:
    """Return the jets of each class in words."""
    return ", ".join(f"{name} {count}" for name, count in predictions.jets_per_class().items())
