import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.predictions import Predictions, read_label_names, read_predictions
from tests.helpers.messages import naming
from tests.helpers.toy_predictions import LABEL_NAMES, toy_scores


@pytest.mark.parametrize("ending", [".parquet", ".root"])
def test_reads_what_weaver_writes(write_prediction, ending):
    scores, labels = toy_scores()
    predictions = read_predictions(write_prediction(f"pred{ending}", scores, labels), LABEL_NAMES)
    np.testing.assert_array_equal(predictions.scores, scores.astype("float64"))
    np.testing.assert_array_equal(predictions.labels, labels)
    assert predictions.class_names == ("QCD", "Hbb", "Tbl")
    assert predictions.scores.dtype == np.float64
    assert predictions.labels.dtype == np.int64


def test_root_scores_follow_the_data_config_not_the_file(write_prediction):
    scores, labels = toy_scores()
    other_order = ("label_Tbl", "label_QCD", "label_Hbb")
    path = write_prediction("pred.root", scores[:, [2, 0, 1]], labels, other_order)
    np.testing.assert_array_equal(read_predictions(path, LABEL_NAMES).scores, scores.astype("float64"))


def test_joins_the_files_of_test_groups(write_prediction):
    scores, labels = toy_scores()
    parts = [
        write_prediction(f"pred_{index}.parquet", scores[labels == index], labels[labels == index])
        for index in range(3)
    ]
    predictions = read_predictions(parts, LABEL_NAMES)
    assert predictions.jets_per_class() == {"QCD": 100, "Hbb": 100, "Tbl": 100}
    np.testing.assert_array_equal(predictions.scores, scores[np.argsort(labels, kind="stable")])
    with pytest.raises(UserError, match=naming("pred_1.parquet", "_label_", 0, "label_QCD")):
        read_predictions(parts[1], LABEL_NAMES)


def test_jets_per_class_lists_every_class():
    predictions = Predictions(np.full((3, 2), 0.5), np.array([1, 0, 1]), ("Q", "G"))
    assert predictions.jets_per_class() == {"Q": 1, "G": 2}


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=naming("none.parquet")):
        read_predictions(tmp_path / "none.parquet", LABEL_NAMES)


def test_other_ending(tmp_path):
    with pytest.raises(UserError, match=naming(".parquet", ".root")):
        read_predictions(tmp_path / "pred.h5", LABEL_NAMES)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
@pytest.mark.parametrize("content", [b"", b"PAR1 root and nothing more"])
def test_unreadable_file(tmp_path, ending, content):
    path = tmp_path / f"broken{ending}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=naming(f"broken{ending}")) as caught:
        read_predictions(path, LABEL_NAMES)
    assert "\n" not in str(caught.value)


def test_root_file_without_the_tree(tmp_path):
    with uproot.recreate(tmp_path / "jets.root") as file:
        file.mktree("tree", {"jet_pt": "float32"})
    with pytest.raises(UserError, match=naming("jets.root", "Events")) as caught:
        read_predictions(tmp_path / "jets.root", LABEL_NAMES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["scores", "_label_"])
def test_missing_column_in_parquet(tmp_path, missing):
    scores, labels = toy_scores()
    columns = {"scores": scores, "_label_": labels, "jet_pt": labels}
    del columns[missing]
    ak.to_parquet(ak.Array(columns), tmp_path / "pred.parquet")
    with pytest.raises(UserError, match=naming("pred.parquet", missing)):
        read_predictions(tmp_path / "pred.parquet", LABEL_NAMES)


@pytest.mark.parametrize("missing", ["scores", "_label_"])
def test_missing_column_in_root(tmp_path, missing):
    columns = {f"score_{name}": "float32" for name in LABEL_NAMES} if missing == "_label_" else {"_label_": "int64"}
    with uproot.recreate(tmp_path / "pred.root") as file:
        file.mktree("Events", columns).extend({name: np.zeros(3) for name in columns})
    with pytest.raises(UserError, match=naming("pred.root", missing)):
        read_predictions(tmp_path / "pred.root", LABEL_NAMES)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_that_are_no_numbers(write_prediction, ending, value):
    scores, labels = toy_scores()
    scores[[3, 7], 1] = value
    path = write_prediction(f"pred{ending}", scores, labels)
    with pytest.raises(UserError, match=naming("scores", "NaN", 2, 300)):
        read_predictions(path, LABEL_NAMES)


@pytest.mark.parametrize("shift", [-0.5, 0.9])
def test_scores_that_are_no_probabilities(write_prediction, shift):
    scores, labels = toy_scores()
    path = write_prediction("pred.parquet", scores + np.float32(shift), labels)
    with pytest.raises(UserError, match=naming("pred.parquet", "scores", 0, 1)):
        read_predictions(path, LABEL_NAMES)


def test_ragged_scores(tmp_path):
    ragged = ak.Array({"scores": ak.Array([[0.5], [0.2, 0.3]]), "_label_": [0, 1]})
    ak.to_parquet(ragged, tmp_path / "pred.parquet")
    with pytest.raises(UserError, match=naming("pred.parquet", "scores", "numbers")):
        read_predictions(tmp_path / "pred.parquet", LABEL_NAMES)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
@pytest.mark.parametrize("label_names", [LABEL_NAMES[:2], (*LABEL_NAMES, "label_Wqq")])
def test_number_of_scores_is_not_the_number_of_classes(write_prediction, ending, label_names):
    path = write_prediction(f"pred{ending}", *toy_scores())
    with pytest.raises(UserError, match=naming(f"pred{ending}", len(label_names), "classes")):
        read_predictions(path, label_names)


def test_class_without_jets(write_prediction):
    scores, _ = toy_scores(10)
    path = write_prediction("pred.parquet", scores, np.zeros(10, dtype=int))
    with pytest.raises(UserError, match=naming(1, "label_Hbb")):
        read_predictions(path, LABEL_NAMES)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
@pytest.mark.parametrize("label", [-1, 3])
def test_label_out_of_range(write_prediction, ending, label):
    scores, labels = toy_scores()
    labels[5] = label
    with pytest.raises(UserError, match=naming("_label_")):
        read_predictions(write_prediction(f"pred{ending}", scores, labels), LABEL_NAMES)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
def test_no_jets(write_prediction, ending):
    path = write_prediction(f"pred{ending}", np.zeros((0, 3), "float32"), np.zeros(0, dtype=int))
    with pytest.raises(UserError, match=naming(f"pred{ending}", "no jets")):
        read_predictions(path, LABEL_NAMES)


def test_label_names_of_a_data_config(data_config):
    assert read_label_names(data_config) == LABEL_NAMES


@pytest.mark.parametrize(
    "text",
    ["", "labels:\n", "labels: {type: simple, value: [label_QCD]}\n", "labels: {type: complex, value: {a: b}}\n"],
)
def test_data_config_without_classes(tmp_path, text):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=naming("data.yaml", "labels.value")):
        read_label_names(tmp_path / "data.yaml")


def test_data_config_that_is_no_yaml(tmp_path):
    (tmp_path / "data.yaml").write_text("labels: [")
    with pytest.raises(UserError, match=naming("data.yaml", "YAML")):
        read_label_names(tmp_path / "data.yaml")


def test_data_config_that_does_not_exist(tmp_path):
    with pytest.raises(UserError, match=naming("data.yaml")):
        read_label_names(tmp_path / "data.yaml")
