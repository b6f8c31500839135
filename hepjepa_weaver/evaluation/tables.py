"""The results tables of a report: every metric of networks tested on the same jets."""

from collections.abc import Mapping, Sequence

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.common.measurement import format_value
from hepjepa_weaver.evaluation.bootstrap import bootstrap_metrics
from hepjepa_weaver.evaluation.calibration import N_BINS
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.regressed_numbers import NUMBER_DEFINITIONS, RegressedNumber, number_metrics


def check_same_jets(networks: Mapping[str, Predictions]) -> None:
    """Check that all networks were tested on the same number of jets of each class.

    Raises:
        UserError: two networks differ, so that their metrics cannot be compared.
    """
    (first, reference), *others = networks.items()
    for name, predictions in others:
        if predictions.jets_per_class() != reference.jets_per_class():
            raise UserError(
                f"'{name}' and '{first}' have different test jets ({class_counts(predictions)} and "
                f"{class_counts(reference)}): predict with the same test files"
            )


def results_table(networks: Mapping[str, Predictions], background: str) -> str:
    """Return the Markdown table, one row for each network, and the definitions of its columns."""
    metrics = {name: bootstrap_metrics(predictions, background) for name, predictions in networks.items()}
    rows = [[name, *(format_value(of.measurement) for of in mine.values())] for name, mine in metrics.items()]
    table = markdown_table(["network", *next(iter(metrics.values()))], rows, words=1)
    return f"{table}\n\n{definitions(background)}"


def numbers_table(networks: Mapping[str, Sequence[RegressedNumber]]) -> str:
    """Return the Markdown table of regressed numbers, one row for each network, and the definitions of its columns.

    Raises:
        UserError: the networks have other numbers, or other jets.
    """
    (first, reference), *others = networks.items()
    for name, numbers in others:
        if [(one.name, len(one.true)) for one in numbers] != [(one.name, len(one.true)) for one in reference]:
            raise UserError(f"'{name}' and '{first}' have different numbers or test jets: predict with the same files")
    metrics = {
        name: {column: interval for number in numbers for column, interval in number_metrics(number).items()}
        for name, numbers in networks.items()
    }
    columns = list(dict.fromkeys(column for mine in metrics.values() for column in mine))
    rows = [
        [name, *(format_value(mine[column].measurement) if column in mine else "–" for column in columns)]
        for name, mine in metrics.items()
    ]
    return f"{markdown_table(['network', *columns], rows, words=1)}\n\n{NUMBER_DEFINITIONS}"


def definitions(background: str) -> str:
    """Return the definitions of the columns in words."""
    return (
        "Accuracy: the highest score is that of the true class. AUC: unweighted mean over class pairs of the "
        f"one-vs-one AUC. ECE: expected calibration error in {N_BINS} bins. Other columns: {background} rejection "
        f"1/FPR at the stated signal efficiency, from the score p_signal / (p_signal + p_{background}). A rejection is "
        f"undefined where no {background} jet passes."
    )


def class_counts(predictions: Predictions) -> str:
    """Return the number of jets of each class in words."""
    return ", ".join(f"{name} {count}" for name, count in predictions.jets_per_class().items())
