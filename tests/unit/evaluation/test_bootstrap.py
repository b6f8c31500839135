from itertools import permutations

import numpy as np
import pytest

from hepjepa_weaver.evaluation import bootstrap
from hepjepa_weaver.evaluation.bootstrap import bootstrap_metrics, replica_weights
from hepjepa_weaver.evaluation.calibration import bin_jets
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import accuracy, class_rejection, macro_ovo_auc, working_points
from tests.helpers.toy_predictions import toy_predictions


def test_replicas_keep_the_number_of_jets_of_each_class():
    labels = np.array([0, 0, 0, 1, 1, 2])
    weights = replica_weights(labels, 50, seed=0)
    for label, n_jets in enumerate((3, 2, 1)):
        assert (weights[:, labels == label].sum(axis=1) == n_jets).all()
    assert weights[:, 0].std() > 0


@pytest.mark.parametrize("digits", [None, 1])
def test_each_replica_has_the_metrics_of_its_jets(digits, monkeypatch):
    """Against the metrics of a file in which jets are repeated; digits: with scores that tie."""
    toy = toy_predictions(240, digits=digits)
    drawn = replica_weights(toy.labels, 1, seed=3)
    monkeypatch.setattr(bootstrap, "replica_weights", lambda *_: drawn)
    measured = bootstrap_metrics(toy, replicas=1)
    jets = np.repeat(np.arange(240), drawn[0].astype(int))
    replica = Predictions(toy.scores[jets], toy.labels[jets], toy.class_names)
    assert measured["accuracy"].low == pytest.approx(accuracy(replica))
    assert measured["AUC"].low == pytest.approx(macro_ovo_auc(replica), abs=1e-12)
    for point in working_points(toy.class_names):
        value = class_rejection(replica, point).value
        assert measured[str(point)].low == (None if value is None else pytest.approx(value))


def delong_error(predictions):
    """Standard deviation of the macro one-vs-one AUC by the placements of jets (DeLong et al., Biometrics 44, 837)."""
    n_classes = len(predictions.class_names)
    members = [np.flatnonzero(predictions.labels == index) for index in range(n_classes)]
    placement = np.zeros(len(predictions.labels))
    for a, b in permutations(range(n_classes), 2):
        above = predictions.scores[members[a], a][:, None] > predictions.scores[members[b], a]
        placement[members[a]] += above.mean(axis=1)
        placement[members[b]] += above.mean(axis=0)
    variance = sum(placement[jets].var(ddof=1) / len(jets) for jets in members)
    return variance**0.5 / (n_classes * (n_classes - 1))


def test_errors_are_those_of_the_closed_forms_where_there_are_some():
    toy = toy_predictions(1500)
    measured = bootstrap_metrics(toy, replicas=600)
    p = accuracy(toy)
    for name, value, error in (
        ("accuracy", p, (p * (1 - p) / 1500) ** 0.5),
        ("AUC", macro_ovo_auc(toy), delong_error(toy)),
    ):
        interval = measured[name]
        assert interval.value == value
        assert interval.low < interval.value < interval.high
        assert interval.measurement.error == pytest.approx(error, rel=0.15)


def test_the_error_of_a_rejection_is_binomial_where_the_threshold_does_not_move():
    scores = np.concatenate([np.ones(100), np.repeat([1.0, 0.0], [50, 950])])
    labels = np.repeat([0, 1], [100, 1000])
    rejection = bootstrap_metrics(Predictions(np.stack([scores, 1 - scores], 1), labels, ("Top", "QCD")), replicas=600)
    assert rejection["Rej50"].value == 20
    assert rejection["Rej50"].measurement.error == pytest.approx(20 * (0.95 / 50) ** 0.5, rel=0.15)


def test_what_is_undefined_is_none():
    sure = Predictions(np.eye(2)[np.arange(40) % 2], np.arange(40) % 2, ("Top", "QCD"))
    measured = bootstrap_metrics(sure, replicas=20)
    assert (measured["accuracy"].value, measured["accuracy"].low, measured["accuracy"].high) == (1, 1, 1)
    for name in ("Rej50", "Rej30"):
        assert (measured[name].value, measured[name].low, measured[name].high) == (None, None, None)


def test_an_upper_end_without_background_is_none():
    """One background jet in 30 passes: a third of the replicas have none."""
    scores = np.concatenate([np.linspace(0.6, 0.9, 30), [0.95], np.full(29, 0.1)])
    labels = np.repeat([0, 1], 30)
    interval = bootstrap_metrics(Predictions(np.stack([scores, 1 - scores], 1), labels, ("Top", "QCD")))["Rej50"]
    assert interval.value == 30
    assert interval.low == 15
    assert interval.high is None
    assert interval.measurement.error is None


def test_the_seed_decides():
    toy = toy_predictions(150)
    assert bootstrap_metrics(toy, replicas=30) == bootstrap_metrics(toy, replicas=30)
    assert bootstrap_metrics(toy, replicas=30, seed=1) != bootstrap_metrics(toy, replicas=30)


def test_calibration_errors_of_replicas_differ_as_those_of_their_jets():
    toy = toy_predictions(240)
    weights = replica_weights(toy.labels, 2, seed=3)
    errors = []
    for counts in weights:
        jets = np.repeat(np.arange(240), counts.astype(int))
        replica = Predictions(toy.scores[jets], toy.labels[jets], toy.class_names)
        errors.append(bin_jets(replica).reliability().calibration_error)
    interval = bootstrap_metrics(toy, replicas=2, seed=3)["ECE"]
    assert interval.high - interval.low == pytest.approx(abs(errors[0] - errors[1]))
    assert (interval.high + interval.low) / 2 == pytest.approx(interval.value)


def test_the_interval_of_the_calibration_error_is_around_its_value():
    """Of calibrated jets, few, the error of nearly every replica is above that of the jets."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        p = rng.uniform(0.5, 1, 200)
        predictions = Predictions(np.stack([1 - p, p], 1), (rng.random(200) < p).astype(int), ("QCD", "Top"))
        interval = bootstrap_metrics(predictions)["ECE"]
        assert 0 <= interval.low < interval.value < interval.high
