import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement, format_value
from hepjepa_weaver.evaluation.bootstrap import bootstrap_metrics
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tables import check_same_jets, class_counts, results_table
from tests.helpers.messages import naming
from tests.helpers.toy_predictions import CLASSES, toy_predictions


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.51234, 0.0123, "0.512 ± 0.012"),
        (0.98765, 0.00098, "0.98765 ± 0.00098"),
        (41.27, 3.4, "41.3 ± 3.4"),
        (412.7, 34.0, "413 ± 34"),
        (10638.2, 1234.5, "10638 ± 1234"),
        (1.0, 0.0, "1 ± 0"),
        (0.75, None, "0.75 ± ?"),
        (None, None, "undefined"),
    ],
)
def test_two_digits_of_the_error(value, error, text):
    assert format_value(Measurement(value, error)) == text


def test_table_holds_the_metrics_of_every_network():
    networks = {"HEP-JEPA, 50 labels": toy_predictions(seed=0), "ParT | scratch": toy_predictions(seed=1)}
    head, rule, *rows = results_table(networks, "QCD").splitlines()[:4]
    assert head == "| network | accuracy | AUC | ECE | Hbb 50 % | Tbl 99.5 % |"
    assert rule == "| --- | ---: | ---: | ---: | ---: | ---: |"
    for row, (name, predictions) in zip(rows, networks.items(), strict=True):
        metrics = bootstrap_metrics(predictions)
        cells = [name.replace("|", "\\|"), *(format_value(entry.measurement) for entry in metrics.values())]
        assert row == f"| {' | '.join(cells)} |"


def test_networks_have_to_be_tested_on_the_same_jets():
    fewer = toy_predictions(270)
    check_same_jets({"a": toy_predictions(seed=0), "b": toy_predictions(seed=1)})
    with pytest.raises(UserError, match=naming("'b'", "'a'", "QCD 90", "QCD 100")):
        check_same_jets({"a": toy_predictions(), "b": fewer})


def test_counts_in_words():
    labels = np.array([0, 1, 1, 2])
    assert class_counts(Predictions(np.eye(3)[labels], labels, CLASSES)) == "QCD 1, Hbb 2, Tbl 1"
