"""Regression of numbers, alone and beside classes, with the real `weaver` command."""

import json

import awkward as ak
import numpy as np
import onnxruntime
import pytest
import torch
import uproot
import yaml

from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.jet_files import columns_of
from tests.helpers.messages import names
from tests.helpers.toy_jets import random_jets, weaver_inputs
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, LOADING, refused, succeeded, weaver

pytestmark = pytest.mark.slow

STEPS = ("--steps-per-epoch", "6", "--steps-per-epoch-val", "3", "--start-lr", "5e-3", "--optimizer", "AdamW",
         "-o", "pooling", "mean", "-o", "dropout", "0", "-o", "seed", "3")  # fmt: skip
PT, WIDTH = "jet_pt/500", "ak.std(part_deta, axis=1)"
REGRESSION = ("-o", "target", "regression")
QUANTILE = (*REGRESSION, "-o", "regression_loss", "quantile")


def data_config(work, name, labels, classes=False):
    """JetClass_full with these labels, its classes as observers; with `classes` their number comes first."""
    config = yaml.safe_load(DATA_CONFIG.read_text())
    flags = config["labels"]["value"]
    config["observers"] = [*config["observers"], *flags]
    first = {"kind": f"np.argmax(np.stack([{', '.join(flags)}], axis=1), axis=1)"} if classes else {}
    config["labels"] = {"type": "custom", "value": {**first, **labels}}
    path = work / name
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def work(work, pretrained):
    (work / "pretrain").symlink_to(pretrained / "pretrain")
    data_config(work, "pt.yaml", {"scaled_pt": PT})
    data_config(work, "both.yaml", {"scaled_pt": PT, "width": WIDTH}, classes=True)
    return work


def train(work, name, config, *options, epochs=3, **kwargs):
    words = ("--model-prefix", f"{name}/net", "--num-epochs", str(epochs), *ENCODER, *STEPS, *options)
    return weaver(work, "hepjepa_finetune", *words, data_config=work / config, **kwargs)


SCRATCH = ("-o", "from_scratch", "True")


@pytest.fixture(scope="module")
def regressed(work):
    """Twenty epochs of the regression of jet pT from scratch, with the prediction `pt.parquet`."""
    test = ("--data-test", "test/*.root", "--predict-output", "./pt.parquet")
    return succeeded(train(work, "pt", "pt.yaml", *REGRESSION, *SCRATCH, *test, epochs=20, from_shell=True))


def test_a_number_is_learned_and_measured(work, regressed):
    table = ak.from_parquet(work / "pt.parquet")
    true, predicted = (ak.to_numpy(table[name]) for name in ("scaled_pt", "output_scaled_pt"))
    assert len(true) == 300
    np.testing.assert_allclose(true, ak.to_numpy(table["jet_pt"]) / 500, rtol=1e-5)
    np.testing.assert_allclose(ak.to_numpy(table["scores"])[:, 0], predicted)
    assert np.corrcoef(true, predicted)[0, 1] > 0.7
    done = hepjepa("evaluate", "pt.parquet", "--data-config", "pt.yaml", "-o", "pt.json", cwd=work)
    assert done.returncode == 0, done.stderr
    metrics = {name: of["value"] for name, of in json.loads((work / "pt.json").read_text())["metrics"].items()}
    assert metrics["scaled_pt resolution"] < 0.8 * metrics["scaled_pt constant"]
    lines = [json.loads(line) for line in (work / "pt/net_metrics.jsonl").read_text().splitlines()]
    assert {"loss", "scaled_pt"} <= set(lines[-1]["validation"])
    assert lines[-1]["validation"]["loss"] < 0.7 * lines[0]["validation"]["loss"]
    assert lines[-1]["metric"] == pytest.approx(1 / (1 + lines[-1]["validation"]["loss"]), rel=1e-4)


def test_a_resumed_run_keeps_the_scale_of_its_checkpoint(work):
    """It goes on with other files, whose pT has another scale."""
    succeeded(train(work, "parts", "pt.yaml", *REGRESSION, *SCRATCH, epochs=1))
    other = data_config(work, "twice.yaml", {"scaled_pt": f"2*{PT}"})
    succeeded(train(work, "parts", other.name, *REGRESSION, *SCRATCH, "--load-epoch", "0", epochs=2))
    first, second = (torch.load(work / f"parts/net_epoch-{epoch}_state.pt", weights_only=True) for epoch in (0, 1))
    assert torch.equal(first["targets.centre"], second["targets.centre"])
    assert not torch.equal(first["fc.1.weight"], second["fc.1.weight"])
    assert (work / "parts/net_metrics.jsonl").read_text().count("\n") == 2


def test_the_scale_is_that_of_the_jets_that_pass_the_selection(work):
    config = data_config(work, "selected.yaml", {"pt": "np.where(jet_pt > 500, jet_pt, -999.)"})
    config.write_text(config.read_text().replace("selection: null", "selection: jet_pt > 500"))
    succeeded(train(work, "selected", config.name, *REGRESSION, *SCRATCH, epochs=1))
    assert torch.load(work / "selected/net_epoch-0_state.pt", weights_only=True)["targets.centre"] > 500


def test_classes_and_numbers_after_a_pretraining(work):
    start = ("--load-model-weights", "pretrain/net_best_epoch_state.pt")
    output = ("--data-test", "test/*.root", "--predict-output", "./both.root")
    log = succeeded(train(work, "both", "both.yaml", "-o", "target", "hybrid", *start, *output))
    assert names(log, "Loss/class/eval (epoch)", "Loss/width/eval (epoch)", "Acc/eval (epoch)", "Spread/width")
    with uproot.open(work / "both.root") as file:
        found = file["Events"].arrays(library="np")
    assert found["output"].shape == (300, 10)
    np.testing.assert_allclose(found["output"].sum(axis=1), 1, rtol=1e-4)
    flags = np.stack([found[name] for name in yaml.safe_load(DATA_CONFIG.read_text())["labels"]["value"]], axis=1)
    np.testing.assert_array_equal(found["kind"], flags.argmax(axis=1))
    assert {"output_scaled_pt", "output_width", "scaled_pt", "width"} <= set(found)
    words = ("evaluate", "both.root", "--data-config", "both.yaml", "--background", "0", "-o", "both.json")
    done = hepjepa(*words, cwd=work)
    assert done.returncode == 0, done.stderr
    content = json.loads((work / "both.json").read_text())
    assert {"accuracy", "scaled_pt bias", "width resolution"} <= set(content["metrics"])


def test_quantiles_are_written_in_their_order(work):
    output = ("--data-test", "test/*.root", "--predict-output", "./quantiles.parquet")
    succeeded(train(work, "quantiles", "pt.yaml", *QUANTILE, *SCRATCH, *output))
    table = ak.from_parquet(work / "quantiles.parquet")
    low, middle, high = (ak.to_numpy(table[f"output_scaled_pt{end}"]) for end in ("_q16", "", "_q84"))
    assert (low <= middle).all()
    assert (middle <= high).all()
    np.testing.assert_allclose(ak.to_numpy(table["scores"]), np.stack([low, middle, high], axis=1))
    words = ("--predict", "--model-prefix", "quantiles/net_best_epoch_state.pt", *ENCODER, "-o", "pooling", "mean")
    other = (*REGRESSION, "-o", "regression_loss", "quantile", "-o", "quantiles", "(0.1,0.5,0.9)")
    done = weaver(work, "hepjepa_finetune", *words, *other, "--predict-output", "no.parquet", split="test",
                  data_config=work / "pt.yaml")  # fmt: skip
    assert names(refused(done), "quantiles")
    words = ("--model-prefix", "quantiles/net_best_epoch_state.pt", "--export-onnx", "onnx/quantiles.onnx", *ENCODER)
    succeeded(weaver(work, "hepjepa_finetune", *words, "-o", "pooling", "mean", *QUANTILE, split=None,
                     data_config=work / "pt.yaml"))  # fmt: skip
    session = onnxruntime.InferenceSession(str(work / "onnx/quantiles.onnx"))
    inputs = {given.name: value.numpy() for given, value in zip(session.get_inputs(), weaver_inputs(
        random_jets([1, 30, 128])), strict=True)}  # fmt: skip
    (numbers,) = session.run([], inputs)
    assert numbers.shape == (3, 3)
    assert (np.diff(numbers, axis=1) >= 0).all()


def test_the_exported_network_gives_the_same_numbers(work, regressed):
    words = ("--model-prefix", "pt/net_best_epoch_state.pt", "--export-onnx", "onnx/pt.onnx", *ENCODER)
    options = ("-o", "pooling", "mean", *REGRESSION)
    succeeded(weaver(work, "hepjepa_finetune", *words, *options, data_config=work / "pt.yaml", split=None))
    session = onnxruntime.InferenceSession(str(work / "onnx/pt.onnx"))
    assert [output.name for output in session.get_outputs()] == ["numbers"]
    words = ("--predict", "--model-prefix", "onnx/pt.onnx", "--predict-output", "./onnx.parquet")
    done = weaver(work, "hepjepa_finetune", *words, *options, split="test", data_config=work / "pt.yaml")
    assert done.returncode == 0, done.stderr[-2000:]
    for column in ("scores", "output_scaled_pt", "scaled_pt"):
        found, wanted = (ak.to_numpy(ak.from_parquet(work / name)[column]) for name in ("onnx.parquet", "pt.parquet"))
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert session.run([], dict(zip(
        [given.name for given in session.get_inputs()],
        [value.numpy() for value in weaver_inputs(random_jets([1, 30, 128]))], strict=True,
    )))[0].shape == (3, 1)  # fmt: skip


def test_jets_without_the_number_teach_nothing_and_are_left_out_of_the_metrics(work):
    config = data_config(work, "some.yaml", {"scaled_pt": f"np.where(jet_pt > 500, {PT}, np.nan)"})
    output = ("--data-test", "test/*.root", "--predict-output", "./some.parquet")
    succeeded(train(work, "some", config.name, *REGRESSION, *SCRATCH, *output, epochs=1))
    table = ak.from_parquet(work / "some.parquet")
    assert np.isfinite(ak.to_numpy(table["output_scaled_pt"])).all()
    known = int(np.isfinite(ak.to_numpy(table["scaled_pt"])).sum())
    assert 0 < known < 300
    done = hepjepa("evaluate", "some.parquet", "--data-config", "some.yaml", "-o", "some.json", cwd=work)
    assert done.returncode == 0, done.stderr
    assert json.loads((work / "some.json").read_text())["jets_with_number"] == {"scaled_pt": known}


@pytest.mark.parametrize("expression", ["jet_gen_pt/500", "jet_gen_pt"])
def test_files_without_the_number_are_predicted(work, regressed, expression):
    """Jets of an experiment have no generator-level numbers."""
    without = data_config(work, "without.yaml", {"scaled_pt": expression})
    words = (
        "--predict",
        "--model-prefix",
        "pt/net_best_epoch_state.pt",
        *ENCODER,
        "-o",
        "pooling",
        "mean",
        *REGRESSION,
    )
    done = weaver(work, "hepjepa_finetune", *words, "--predict-output", "./without.parquet", split="test",
                  data_config=without)  # fmt: skip
    succeeded(done)
    found, wanted = (ak.from_parquet(work / name) for name in ("without.parquet", "pt.parquet"))
    np.testing.assert_allclose(found["output_scaled_pt"], wanted["output_scaled_pt"], rtol=1e-4)
    assert np.isnan(ak.to_numpy(found["scaled_pt"])).all()


@pytest.mark.parametrize(
    ("labels", "classes", "options", "wanted"),
    [
        ({"scaled_pt": PT}, False, (), ("scaled_pt", "-o target regression")),
        ({"scaled_pt": PT}, False, ("-o", "target", "hybrid"), ("-o target hybrid", "class first")),
        ({"one": "jet_pt*0 + 1"}, False, REGRESSION, ("one", "1 for all jets")),
        ({"none": "jet_pt*np.nan"}, False, REGRESSION, ("none", "no number")),
        ({"kind": "label_QCD", "scaled_pt": PT}, False, (), ("kind, scaled_pt", "-o target hybrid")),
        ({"total": PT}, False, REGRESSION, ("label total", "loss")),
        ({"gen": "jet_gen_mass/jet_pt"}, False, REGRESSION, ("jet_gen_mass",)),
        ({"scaled_pt": PT}, False, (*REGRESSION, "-o", "quantiles", "(0.2,0.5)"), ("quantiles", "left out")),
        ({"scaled_pt": PT}, False, (*REGRESSION, "--tensorboard-custom-fn", "a.py"), ("--tensorboard-custom-fn",)),
        ({"scaled_pt": PT}, False, (*REGRESSION, "--regression-mode"), ("--regression-mode", "leave out")),
    ],
)
def test_labels_that_do_not_fit_the_target_are_refused(work, labels, classes, options, wanted):
    config = data_config(work, "refused.yaml", labels, classes)
    line = refused(train(work, "refused", config.name, *options, *SCRATCH, epochs=1))
    assert names(line, *wanted)


def test_another_number_than_that_of_the_training_is_refused(work, regressed):
    other = data_config(work, "other.yaml", {"width": WIDTH})
    words = (
        "--predict",
        "--model-prefix",
        "pt/net_best_epoch_state.pt",
        *ENCODER,
        "-o",
        "pooling",
        "mean",
        *REGRESSION,
    )
    done = weaver(work, "hepjepa_finetune", *words, "--predict-output", "x.parquet", split="test", data_config=other)
    assert names(refused(done), "scaled_pt", "width")


def test_a_label_that_is_computed_from_itself_is_refused(work):
    config = data_config(work, "itself.yaml", {"jet_pt": PT})
    done = train(work, "refused", config.name, *REGRESSION, *SCRATCH, epochs=1, from_shell=True)
    assert names(refused(done), "itself.yaml", "jet_pt", "another name")


@pytest.mark.parametrize(("name", "target"), [("mass", "regression"), ("hybrid", "hybrid")])
def test_shipped_configs_predict_files_without_the_number(work, name, target):
    """They are trained on files that have it, as MiniJetClass does."""
    config = REPOSITORY / f"data_configs/JetClass/MiniJetClass_{name}.yaml"
    for split in ("train", "val"):
        folder = work / f"generated_{name}" / split
        folder.mkdir(parents=True)
        for path in (work / split).glob("*.root"):
            columns = columns_of(path)
            columns["jet_gen_mass"] = 0.2 * columns["jet_pt"]
            with uproot.recreate(folder / path.name) as file:
                file.mktree("tree", {key: column.type for key, column in columns.items()})
                file["tree"].extend(columns)
    files = ("--data-train", f"generated_{name}/train/*.root", "--data-val", f"generated_{name}/val/*.root")
    words = ("--model-prefix", f"shipped_{name}/net", "--num-epochs", "1", *ENCODER, *STEPS, "-o", "target", target)
    test = ("--data-test", "test/*.root", "--predict-output", f"./shipped_{name}.parquet")
    given = (*words, *SCRATCH, *files, *LOADING, *test)
    succeeded(weaver(work, "hepjepa_finetune", *given, data_config=config, split=None))
    table = ak.from_parquet(work / f"shipped_{name}.parquet")
    assert np.isfinite(ak.to_numpy(table["output_mass_factor"])).all()
    assert np.isnan(ak.to_numpy(table["mass_factor"])).all()
    if target == "hybrid":
        assert sorted(np.unique(ak.to_numpy(table["jet_class"]))) == list(range(10))


def test_curves_and_rates_of_a_regression(work):
    succeeded(train(work, "curves", "pt.yaml", *REGRESSION, *SCRATCH, "--tensorboard", "_curves", epochs=2))
    test = ("--predict", "--model-prefix", "curves/net_best_epoch_state.pt", *ENCODER, "-o", "pooling", "mean")
    succeeded(weaver(work, "hepjepa_finetune", *test, *REGRESSION, "--predict-output", "./curves.parquet", split="test",
                     data_config=work / "pt.yaml"))  # fmt: skip
    words = ("report", "--data-config", "pt.yaml", "--prediction", "one", "curves.parquet", "--out", "curves.md")
    done = hepjepa(*words, "--curves", "one", "runs/*_curves", cwd=work)
    assert done.returncode == 0, done.stderr
    assert (work / "finetuning.png").is_file()
    succeeded(train(work, "rates", "pt.yaml", *REGRESSION, *SCRATCH, "--lr-finder", "1e-5,1e-2,6", epochs=1))


def test_classes_of_type_simple_are_no_numbers(work):
    line = refused(train(work, "refused", DATA_CONFIG, *REGRESSION, *SCRATCH, epochs=1))
    assert names(line, "-o target regression", "type: custom")
