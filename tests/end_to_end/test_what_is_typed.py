"""Commands that gave something else than asked for, or a traceback, with the real `weaver` command."""

import json
import re
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
import yaml

from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.jet_files import columns_of
from tests.helpers.messages import names
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, FINETUNE, refused, succeeded, weaver

pytestmark = pytest.mark.slow

SCRATCH = (*FINETUNE, "-o", "from_scratch", "True")


@pytest.fixture(scope="module")
def work(work: Path, pretrained: Path, finetuned: Path) -> Path:
    (work / "pretrain").symlink_to(pretrained / "pretrain")
    (work / "finetune").symlink_to(finetuned / "finetune")
    return work


def changed(work: Path, name: str, change) -> Path:
    """JetClass_full with a change, as a data config of this name."""
    config = yaml.safe_load(DATA_CONFIG.read_text())
    change(config)
    path = work / name
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--regression-mode",), ("--regression-mode", "lowest")),
        (("--in-memory", "--fetch-step", "0.01", "--steps-per-epoch", "2"), ("--in-memory", "--fetch-step 1")),
        (("--samples-per-epoch", "30", "--steps-per-epoch-val", "1"), ("--samples-per-epoch 30", "batch of 50")),
        (("--lr-finder", "1,1e-5,8"), ("--lr-finder",)),
        (("--model-prefix", "a:b/net"), ("--model-prefix", "colon")),
    ],
)
def test_a_command_that_would_do_something_else_is_refused(work: Path, options, wanted) -> None:
    line = refused(weaver(work, "part", *ENCODER, "--model-prefix", "refused/net", "--num-epochs", "1", *options))
    assert names(line, *wanted)


def test_without_a_gpu_one_line_says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = weaver(work, "part", *FINETUNE, "--gpus", "0", from_shell=True)
    assert refused(done).endswith("give --gpus '' for the CPU")


def test_weaver_does_not_write_over_a_data_config(work: Path) -> None:
    path = changed(work, "own.yml", lambda config: config["preprocess"].update(method="auto"))
    before = path.read_text()
    done = weaver(work, "part", *FINETUNE, data_config=path, from_shell=True)
    assert names(refused(done), "own.yml", ".yaml", "rename")
    assert path.read_text() == before


def test_a_remote_path_is_refused(work: Path) -> None:
    done = weaver(work, "part", "--data-train", "root://eos/jets.root", split=None, from_shell=True)
    assert names(refused(done), "--data-train root://eos/jets.root", "colon")


def test_an_integer_label_trains_predicts_and_is_evaluated(work: Path) -> None:
    def one_integer(config) -> None:
        flags = " + ".join(f"{number}*{name}" for number, name in enumerate(config["labels"]["value"]))
        config["new_variables"]["truth"] = f"ak.values_astype({flags}, 'int64')"
        config["labels"] = {"type": "custom", "value": {"truth_label": "truth"}}

    path = changed(work, "integer.yaml", one_integer)
    options = ("--model-prefix", "integer/net", "--data-test", "test/*.root", "--predict-output", "./integer.parquet")
    succeeded(weaver(work, "hepjepa_finetune", *SCRATCH, *options, data_config=path))
    prediction = ak.from_parquet(work / "integer.parquet")
    assert ak.to_numpy(prediction.scores).shape == (300, 10)
    assert set(prediction.truth_label.tolist()) == set(range(10))
    assert prediction.entry.tolist() == list(range(30)) * 10
    done = hepjepa("evaluate", "integer.parquet", "--data-config", path, "--background", "0", "-o", "m.json", cwd=work)
    assert done.returncode == 0, done.stderr
    assert json.loads((work / "m.json").read_text())["jets_per_class"] == {str(number): 30 for number in range(10)}


def test_a_label_that_is_no_class_is_refused(work: Path) -> None:
    def a_mass(config) -> None:
        config["labels"] = {"type": "custom", "value": {"target": "jet_pt"}}

    path = changed(work, "mass.yaml", a_mass)
    line = refused(weaver(work, "part", *FINETUNE, data_config=path))
    assert names(line, "target", "hepjepa_finetune.py")


@pytest.mark.parametrize("network", ["hepjepa_pretrain", "particlenet"])
def test_the_learning_rate_finder_draws_a_curve(work: Path, network: str) -> None:
    options = {"hepjepa_pretrain": ENCODER, "particlenet": ["-o", "conv_params", "((4,(8,8)),)"]}[network]
    (work / "lr_finder.png").unlink(missing_ok=True)
    succeeded(weaver(work, network, *options, "--lr-finder", "1e-5,1,6", "--steps-per-epoch", "6"))
    assert (work / "lr_finder.png").stat().st_size > 5000


def test_the_learning_rate_of_random_weights_is_not_found(work: Path) -> None:
    done = weaver(work, "hepjepa_finetune", *ENCODER, "--lr-finder", "1e-5,1,6", "--steps-per-epoch", "6")
    assert names(refused(done), "nothing to fine-tune", "--load-model-weights")


PREDICT = ("--predict", *ENCODER, "--model-prefix", "finetune/net_best_epoch_state.pt", "--data-test")


def test_a_tagger_predicts_jets_without_labels(work: Path) -> None:
    columns = {name: column for name, column in columns_of(work / "test/TTBar_000.root").items() if "label" not in name}
    with uproot.recreate(work / "data.root") as file:
        file.mktree("tree", {name: column.type for name, column in columns.items()}).extend(columns)
    options = (*PREDICT, "data.root", "--predict-output", "./data.parquet")
    unlabelled = DATA_CONFIG.parents[1] / "CMS/unlabelled.yaml"
    for data_config in (DATA_CONFIG, unlabelled):
        log = succeeded(weaver(work, "hepjepa_finetune", *options, data_config=data_config, split=None))
        prediction = ak.from_parquet(work / "data.parquet")
        assert ak.to_numpy(prediction.scores).shape == (30, 10)
        if data_config is DATA_CONFIG:
            assert "Test metric nan" in log
            assert set(prediction["_label_"].tolist()) == {-1}
    done = hepjepa("evaluate", "data.parquet", "--data-config", DATA_CONFIG, "-o", "m.json", cwd=work)
    assert done.returncode != 0
    root = (*PREDICT, "data.root", "--predict-output", "./data.root")
    line = refused(weaver(work, "hepjepa_finetune", *root, data_config=unlabelled, split=None))
    assert names(line, "--predict-output", ".parquet")


def exchange(values) -> None:
    values[0], values[1] = values[1], values[0]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda config: exchange(config["labels"]["value"]), ("other labels", "label_Hbb, label_QCD")),
        (lambda config: exchange(config["inputs"]["pf_features"]["vars"]), ("variable 1", "part_pt_log", "part_e_log")),
        (lambda config: config["inputs"]["pf_features"]["vars"][0].__setitem__(1, 0.0), ("(1.7, 0.7", "(0, 0.7")),
    ],
)
def test_a_checkpoint_of_other_inputs_or_labels_is_refused(work: Path, change, wanted) -> None:
    path = changed(work, "other.yaml", change)
    options = (*PREDICT, "test/*.root", "--predict-output", "./other.parquet")
    assert names(refused(weaver(work, "hepjepa_finetune", *options, data_config=path, split=None)), *wanted)
    if "labels" not in wanted[0]:  # a fine-tuning, too, unless it is meant
        start = (*FINETUNE, "--load-model-weights", "pretrain/net_best_epoch_state.pt", "--model-prefix", "other/net")
        assert names(
            refused(weaver(work, "hepjepa_finetune", *start, data_config=path)), *wanted, "-o other_inputs True"
        )


def test_other_inputs_are_taken_if_they_are_meant(work: Path) -> None:
    path = changed(work, "meant.yaml", lambda config: exchange(config["inputs"]["pf_features"]["vars"]))
    start = (*FINETUNE, "--load-model-weights", "pretrain/net_best_epoch_state.pt", "-o", "other_inputs", "True")
    succeeded(weaver(work, "hepjepa_finetune", *start, "--model-prefix", "meant/net", data_config=path))


def test_files_sorted_by_class_are_not_split(work: Path) -> None:
    paths = sorted(work.glob("t*/*.root"), key=lambda path: path.name)
    parts = [columns_of(path) for path in paths]
    jets = {name: ak.concatenate([part[name] for part in parts]) for name in parts[0]}
    ak.to_parquet(ak.zip(jets, depth_limit=1), work / "sorted.parquet")
    line = refused(weaver(work, "part", *FINETUNE, "--data-train", "sorted.parquet", split=None))
    assert names(line, "sorted.parquet", "sorted by class", "--data-val")


def test_an_accuracy_of_zero_has_a_best_epoch_and_a_test(work: Path) -> None:
    """Validation jets of a class that is not trained with: no epoch is above weaver's start of 0."""
    data = ("--data-train", "train/[HWZ]*.root", "--data-val", "val/TTBarLep*.root", "--data-test", "test/*.root")
    options = (*ENCODER, "-o", "seed", "0", "--num-epochs", "2", "--batch-size", "25", "--model-prefix", "zero/net")
    options = (*options, "--start-lr", "0.05")
    log = succeeded(weaver(work, "part", *options, *data, "--predict-output", "./zero.parquet", split=None))
    assert re.findall(r"validation metric: ([\d.]+)", log) == ["0.00000", "0.00000"]
    best, last = (work / f"zero/net_{name}_state.pt" for name in ("best_epoch", "epoch-1"))
    assert best.read_bytes() == last.read_bytes()
    assert len(ak.from_parquet(work / "zero.parquet")) == 300


def test_a_resume_does_not_forget_the_best_epoch(work: Path) -> None:
    options = ("--model-prefix", "best/net", *ENCODER, "-o", "seed", "0", "--steps-per-epoch", "2")
    succeeded(weaver(work, "part", *options, "--num-epochs", "1"))
    path = work / "best/net_metrics.jsonl"
    epoch = json.loads(path.read_text())
    path.write_text(json.dumps({**epoch, "metric": 0.999}) + "\n")  # better than what comes
    best = (work / "best/net_best_epoch_state.pt").read_bytes()
    succeeded(weaver(work, "part", *options, "--num-epochs", "2", "--load-epoch", "0"))
    assert (work / "best/net_best_epoch_state.pt").read_bytes() == best


def test_weights_do_not_reach_validation(work: Path) -> None:
    """Jets of weight 1e-2 are rarely drawn in training, and each stands once in validation."""

    def weighted(config) -> None:
        config["new_variables"]["weight"] = "0.01 + 0.99 * (label_QCD == 1)"
        config["weights"] = {"use_precomputed_weights": True, "weight_branches": ["weight"]}

    path = changed(work, "weights.yaml", weighted)
    options = ("--model-prefix", "weights/net", *ENCODER, "--num-epochs", "1", "--steps-per-epoch", "2")
    log = succeeded(weaver(work, "part", *options, "--steps-per-epoch-val", "-1", data_config=path))
    counted = log.partition("Evaluation class distribution:")[2].splitlines()[1]
    numbers = [int(number) for number in re.findall(r", (\d+)\)", counted)]
    assert sum(numbers) == 300
    assert np.unique(numbers).tolist() == [30]
