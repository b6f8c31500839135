import math

import awkward as ak
import numpy as np
import pytest
import weaver.train

from hepjepa_weaver.host.predictions import in_file_order
from tests.helpers.messages import names
from tests.helpers.networks import weaver_args

FILES = ("b/jets.root", "a/jets.root")
FILE, ENTRY = np.array([1, 0, 0, 1, 0, 1]), np.array([0, 10, 2, 7, 1, 3])
IN_ORDER = [4, 2, 1, 0, 5, 3]


def prediction(label=(0, 1, 2, 0, 1, 2), metric=0.9, **observers):
    """Six jets of three classes; the score of a jet's class is the largest, except of the last jet."""
    number = np.arange(6)
    scores = np.eye(3)[[0, 1, 2, 0, 1, 0]] + number[:, None] / 100
    others = {"jet_pt": 100.0 + number, "part_pt": ak.Array([[float(n)] * n for n in number]), **observers}
    return metric, scores, {"_label_": np.array(label)}, {**others, "file": FILE, "entry": ENTRY}


def ordered(given, as_text=True, labels_known=True):
    return in_file_order(given, FILES, as_text, labels_known)


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "weaver"]


@pytest.mark.parametrize("kind", ["int64", "float32"])
def test_jets_come_in_the_order_of_files_and_entries_with_all_their_columns(kind):
    given = prediction()
    given[3].update(file=FILE.astype(kind), entry=ENTRY.astype(kind))
    _, scores, labels, observers = ordered(given, as_text=False)
    assert np.array_equal(scores, given[1][IN_ORDER])
    assert labels["_label_"].tolist() == [1, 2, 1, 0, 2, 0]
    assert observers["file"].tolist() == [0, 0, 0, 1, 1, 1]
    assert observers["entry"].tolist() == [1, 2, 10, 0, 3, 7]
    assert observers["jet_pt"].tolist() == [104, 102, 101, 100, 105, 103]
    assert observers["part_pt"].to_list() == [[float(n)] * n for n in IN_ORDER]


def test_the_file_is_named_by_its_path():
    _, _, _, observers = ordered(prediction())
    assert observers["file"].to_list() == [FILES[0]] * 3 + [FILES[1]] * 3


def test_the_given_columns_stay_as_they_are():
    given = prediction()
    ordered(given)
    assert given[3]["file"] is FILE
    assert given[3]["entry"].tolist() == [0, 10, 2, 7, 1, 3]


def test_without_file_and_entry_the_order_stays():
    """As with `monitor_variables`, with which weaver takes no observers."""
    metric, scores, labels, observers = prediction()
    given = metric, scores, labels, {"jet_pt": observers["jet_pt"]}
    found = ordered(given)
    assert np.array_equal(found[1], scores)
    assert found[2]["_label_"].tolist() == [0, 1, 2, 0, 1, 2]
    assert list(found[3]) == ["jet_pt"]


def test_weaver_writes_the_prediction_with_paths_and_entries(tmp_path, caplog):
    _, scores, labels, observers = ordered(prediction())
    weaver.train.save_parquet(weaver_args(), str(tmp_path / "out.parquet"), scores, labels, observers)
    written = ak.from_parquet(tmp_path / "out.parquet")
    assert written["file"].to_list() == [FILES[0]] * 3 + [FILES[1]] * 3
    assert written["entry"].to_list() == [1, 2, 10, 0, 3, 7]
    assert np.array_equal(written["scores"].to_numpy(), scores)
    assert told(caplog) == []


# --- accuracy ---


def test_the_metric_of_labelled_jets_alone_is_left_as_it_is(caplog):
    assert ordered(prediction(metric=0.123))[0] == 0.123
    assert told(caplog) == []


@pytest.mark.parametrize("missing", [-1, -2, np.nan])
def test_the_accuracy_is_that_of_the_labelled_jets(missing, caplog):
    """Three of four: the last jet's class has not the largest score."""
    given = prediction(label=(0, missing, 2, missing, 1, 2))
    assert ordered(given)[0] == 0.75
    (message,) = told(caplog)
    assert names(message, "2 of 6 test jets", "no label")


def test_the_accuracy_without_any_label_is_no_number(caplog):
    assert math.isnan(ordered(prediction(label=(-1,) * 6))[0])
    assert len(told(caplog)) == 1


def test_a_metric_that_is_no_accuracy_is_left_as_it_is(caplog):
    assert ordered(prediction(label=(-1, 0, 1, -1, -1, -1), metric=7.5), labels_known=False)[0] == 7.5
    assert told(caplog) == []


def test_a_test_without_label_columns_keeps_its_metric():
    metric, scores, _, observers = prediction(metric=0.5)
    assert ordered((metric, scores, {}, observers))[0] == 0.5
