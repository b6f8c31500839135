"""Scores and regressed numbers of fine-tuned networks, read off their checkpoints."""

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding import load_encoder
from hepjepa_weaver.model.baselines import ParticleTransformerWrapper
from hepjepa_weaver.model.encoder import build_particle_transformer
from hepjepa_weaver.model.made_with import describe, made_with
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.model.regressor import JetRegressor
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import naming
from tests.helpers.networks import finetune_config, small_classifier, small_jepa
from tests.helpers.toy_jets import random_jets, weaver_inputs, write_toy_files
from tests.unit.embedding.test_pretrained_encoder import DATA_CONFIG, LENGTHS, checkpoint, used

HEADS = [
    {"pooling": "mean"},
    {"pooling": "mean", "fc_params": ((12, 0.1), (8, 0.0))},
    {"pooling": "class_token", "fc_params": ((12, 0.1),)},
    {"pooling": "class_attention"},
    {"pooling": "sum", "num_registers": 2},
    {"pooling": "mean", "attention": "causal"},
]
CLASSES = [f"score_{name}" for name in jetclass_config("full").label_value]


def described(model, config, classes: int, labels=None):
    data_config = jetclass_config("full")
    if labels:
        data_config.label_value = labels
    describe(model, made_with(data_config, config, classes))
    return model


def regressor(target: str, **options) -> JetRegressor:
    config = finetune_config(target=target, pooling="mean", **options)
    quantiles = config.labels.quantiles if config.labels.regression_loss == "quantile" else ()
    targets = RegressionTargets(("mass", "pt"), quantiles, (1.0, 500.0), (0.1, 50.0))
    classes = 10 if target == "hybrid" else 0
    model = used(JetRegressor(JetReader(REQUIRED_GROUPS), 17, classes, targets, config))
    labels = ["kind", "mass", "pt"] if classes else ["mass", "pt"]
    return described(model, config, classes, labels)


def found(path, inputs):
    encoder = load_encoder(path, DATA_CONFIG, scores=True)
    both = encoder.with_scores(inputs)
    torch.testing.assert_close(both[:, : encoder.width], encoder(inputs))
    return encoder.head.names, both[:, encoder.width :]


@pytest.mark.parametrize("options", HEADS, ids=str)
def test_scores_are_those_of_the_network(options, tmp_path):
    model = described(used(small_classifier(**options)), finetune_config(**options), 10)
    inputs = weaver_inputs(random_jets(LENGTHS))
    names, scores = found(checkpoint(tmp_path, model), inputs)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(*inputs).softmax(dim=1), atol=1e-5, rtol=1e-4)
    assert names == CLASSES
    assert scores.std(dim=0).min() > 1e-5


@pytest.mark.parametrize("options", [{}, {"regression_loss": "quantile", "quantiles": (0.25, 0.5)}], ids=str)
@pytest.mark.parametrize("target", ["regression", "hybrid"])
def test_numbers_are_those_of_the_network(target, options, tmp_path):
    model = regressor(target, **options)
    inputs = weaver_inputs(random_jets(LENGTHS))
    names, scores = found(checkpoint(tmp_path, model), inputs)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(*inputs), atol=1e-4, rtol=1e-4)
    classes = [f"score_{number}" for number in range(10)] if target == "hybrid" else []
    quantile = ["output_mass_q25", "output_mass", "output_pt_q25", "output_pt"]
    assert names == [*classes, *(quantile if options else ["output_mass", "output_pt"])]


def test_scores_of_stock_part_have_numbers(tmp_path):
    config = finetune_config()
    stock = build_particle_transformer(17, config.encoder, config.weaver, num_classes=10, fc_params=[(12, 0.1)])
    model = used(ParticleTransformerWrapper(JetReader(REQUIRED_GROUPS), stock))
    inputs = weaver_inputs(random_jets(LENGTHS))
    names, scores = found(checkpoint(tmp_path, model), inputs)
    with torch.no_grad():
        torch.testing.assert_close(scores, model(*inputs).softmax(dim=1), atol=1e-5, rtol=1e-4)
    assert names == [f"score_{number}" for number in range(10)]


def test_a_pretraining_has_no_scores(tmp_path):
    path = checkpoint(tmp_path, used(small_jepa()))
    with pytest.raises(UserError, match=naming("no head", "fine-tuned")):
        load_encoder(path, DATA_CONFIG, scores=True)


@pytest.mark.parametrize("ending", [".parquet", ".root"])
def test_the_command_writes_scores_in_the_order_of_the_files(ending, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = sorted(write_toy_files(tmp_path / "jets", jets_per_class=6).iterdir())
    model = described(used(small_classifier(pooling="mean")), finetune_config(pooling="mean"), 10)
    path = checkpoint(tmp_path, model)
    words = ["embed", str(path), *map(str, files), "--data-config", str(DATA_CONFIG), "--scores"]
    run_command([*words, "--columns", "jet_pt", "-o", f"friends/out{ending}"])
    wanted = load_encoder(path, DATA_CONFIG, scores=True).embed(files)
    if ending == ".root":
        with uproot.open("friends/out.root") as file:
            table = file["tree"].arrays()
        assert table["file"].tolist() == wanted.file.tolist()
    else:
        table = ak.from_parquet("friends/out.parquet")
        assert table["file"].to_list() == [str(files[number]) for number in wanted.file]
    assert table["entry"].tolist() == list(range(6)) * 10
    for name in CLASSES:
        np.testing.assert_allclose(ak.to_numpy(table[name]), wanted.scores[name], rtol=1e-6)
    np.testing.assert_allclose(ak.to_numpy(table["embedding"]), wanted.embedding, rtol=1e-6)
    pt = np.concatenate([uproot.open(f"{path}:tree")["jet_pt"].array(library="np") for path in files])
    np.testing.assert_array_equal(ak.to_numpy(table["jet_pt"]), pt)
    with pytest.raises(UserError, match=naming("--columns score_label_Hbb")):
        run_command([*words, "--columns", "score_label_Hbb", "-o", "x.parquet"])
    with pytest.raises(UserError, match=naming("-o x.csv", ".parquet", ".root")):
        run_command([*words, "-o", "x.csv"])
