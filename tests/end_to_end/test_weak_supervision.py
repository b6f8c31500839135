"""Weak supervision with the real commands: mixtures, training without labels, significance of what was found."""

import json
import shlex

import awkward as ak
import pytest

from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.weaver_command import ENCODER, succeeded, weaver

pytestmark = pytest.mark.slow

CONFIGS = {name: REPOSITORY / f"data_configs/JetClass/JetClass_full_{name}.yaml" for name in ("cwola", "top")}
MIXTURE = (
    "--cwola",
    "TTBar",
    "ZJetsToNuNu",
    "--signal-jets",
    6,
    "--background-jets",
    16,
    "--validation",
    2,
    "--test",
    8,
)


@pytest.mark.parametrize(("config", "background"), [("cwola", "cwola_background"), ("top", "QCD")])
def test_mixtures_train_a_classifier_whose_significance_is_measured(tmp_path, toy_files, config, background):
    done = hepjepa("subset", toy_files / "train", "-o", "mixture", *MIXTURE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    files = [word for use, folder in (("train", ""), ("val", "val/"), ("test", "test/"))
             for word in (f"--data-{use}", f"mixture/{folder}*.root")]  # fmt: skip
    options = shlex.split(
        "--num-epochs 1 --steps-per-epoch 2 --batch-size 8 --batch-size-val 4 --steps-per-epoch-val -1 --in-memory "
        "--no-in-memory-val --model-prefix net --predict-output ./out.parquet -o from_scratch True"
    )
    succeeded(weaver(tmp_path, "hepjepa_finetune", *ENCODER, *files, *options, data_config=CONFIGS[config], split=None))
    prediction = ak.from_parquet(tmp_path / "out.parquet")
    assert len(prediction) == 16
    truth = prediction["label_Tbqq"] if config == "cwola" else prediction["_label_"]
    assert ak.to_numpy(prediction["_label_"]).tolist() == ak.to_numpy(truth).tolist()  # of test jets, the truth
    words = ("out.parquet", "--data-config", CONFIGS[config], "--background", background, "--significance")
    done = hepjepa("evaluate", *words, "-o", "metrics.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["jets_per_class"] == {background: 8, {"cwola": "cwola_mixed", "top": "Tbqq"}[config]: 8}
    assert {"SIC 0.01", "SIC 0.001", "AUC"} <= set(metrics["metrics"])
