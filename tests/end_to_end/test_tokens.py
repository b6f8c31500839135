"""Tokenizers, next-token models and generation with the real `weaver` command."""

import re
import shutil

import awkward as ak
import numpy as np
import onnxruntime
import pytest
import torch

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS
from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.embedding.loading import load_encoder
from hepjepa_weaver.embedding.pretrained_tokenizer import open_tokenizer
from hepjepa_weaver.fidelity.particles import read_particles
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.messages import names
from tests.helpers.statistics import saved_statistics
from tests.helpers.toy_jets import LABELS, link_toy_files, random_jets, weaver_inputs
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, PREDICTOR, refused, succeeded, weaver

pytestmark = pytest.mark.slow

KIN = DATA_CONFIG.with_name("JetClass_kin.yaml")
SMALL = ("-o", "tokenizer_dim", "16", "-o", "tokenizer_heads", "4", "-o", "tokenizer_layers", "1", "-o", "codes", "64",
         "-o", "log_every", "2")  # fmt: skip
STEPS = ("--num-epochs", "2", "--steps-per-epoch", "3", "--steps-per-epoch-val", "2", "--optimizer", "AdamW",
         "--start-lr", "3e-3")  # fmt: skip
ONE_EPOCH = ("--num-epochs", "1")
MODEL = (*ENCODER, *PREDICTOR, "-o", "token_head_heads", "4", "-o", "longest", "40")
SETS = {
    "conditional": (KIN, "-o", "encoding", "conditional"),
    "causal": (DATA_CONFIG, "-o", "encoding", "causal", "-o", "token_features", "full"),
    "unconditional": (KIN, "-o", "encoding", "unconditional", "-o", "quantizer", "residual"),
    "finite": (DATA_CONFIG, "-o", "encoding", "causal", "-o", "quantizer", "finite_scalar", "-o", "token_features",
               "full", "-o", "own_identity_code", "True"),
    "binned": (KIN, "-o", "encoding", "binned"),
}  # fmt: skip
OF_CAUSAL = (*SMALL, *SETS["causal"][1:])
PRESETS = {
    "paper": ("-o", "preset", "paper", "-o", "num_heads", "4"),
    "hybrid": ("-o", "preset", "hybrid", "-o", "num_registers", "2"),
    "joint": ("-o", "preset", "joint", "-o", "num_registers", "2", "-o", "composition_weight", "1", "-o",
              "composition_of", "clusters"),
    "masked": ("-o", "next_weight", "0", "-o", "masked_weight", "1", "-o", "composition_weight", "1"),
}  # fmt: skip
CLUSTERS = ("-o", "particle_statistics", "clusters.pt")


def state(work, name):
    return torch.load(work / name, weights_only=True)


@pytest.fixture(scope="module")
def tokenized(made_once, toy_files):
    """A tokenizer that generation can decode, two epochs from the shell: `tokenizer/net_*.pt` and `tokenizer.log`."""

    def fill(folder):
        link_toy_files(toy_files, folder)
        options = ("--model-prefix", "tokenizer/net", *OF_CAUSAL, *STEPS)
        (folder / "tokenizer.log").write_text(succeeded(weaver(folder, "jet_tokenizer", *options, from_shell=True)))

    return made_once("tokenized", fill)


@pytest.fixture(scope="module")
def work(work, tokenized):
    (work / "tokenizer").symlink_to(tokenized / "tokenizer")
    return work


@pytest.fixture(scope="module")
def models(work):
    """Next-token models by the name of their preset, each after an epoch; their logs."""
    saved_statistics(work / "clusters.pt")
    logs = {}
    for name, options in PRESETS.items():
        words = ("--model-prefix", f"{name}/net", *MODEL, *options, *STEPS, *ONE_EPOCH)
        files = ("-o", "tokenizer", "tokenizer/net_epoch-1_state.pt", *(CLUSTERS if name == "joint" else ()))
        logs[name] = succeeded(weaver(work, "omnijet_pretrain", *words, *files))
    return logs


def test_a_tokenizer_picks_the_best_epoch_by_its_reconstruction(tokenized):
    log = (tokenized / "tokenizer.log").read_text()
    losses = [float(found) for found in re.findall(r"Loss/reconstruction/eval \(epoch\) ([\d.]+)", log)]
    metrics = [float(found) for found in re.findall(r"Current validation metric: ([\d.]+)", log)]
    assert len(losses) == 2
    assert metrics == pytest.approx([1 / (1 + loss) for loss in losses], abs=2e-5)
    for name in ("codes_in_use", "perplexity", "error_pt", "error_extra", "codebook"):
        assert f"{name}/eval (epoch)" in log
    assert (tokenized / "tokenizer/net_best_epoch_state.pt").exists()


@pytest.mark.parametrize("name", [name for name in SETS if name != "causal"])
def test_every_kind_of_tokenizer_trains_and_predicts(work, name):
    data_config, *options = SETS[name]
    predict = ("--data-test", "test/*.root", "--predict-output", f"predictions/{name}.parquet")
    words = ("--model-prefix", f"{name}/net", *SMALL, *options, *STEPS, *ONE_EPOCH, *predict)
    succeeded(weaver(work, "jet_tokenizer", *words, data_config=data_config))
    check_prediction(work, name, data_config, f"{name}/net_best_epoch_state.pt")


def test_ids_and_particles_are_written_for_every_jet(work):
    output = "predictions/causal.parquet"
    options = ("--predict", "--model-prefix", "tokenizer/net_epoch-1_state.pt", "--predict-output", output)
    succeeded(weaver(work, "jet_tokenizer", *options, *OF_CAUSAL, split="test", from_shell=True))
    check_prediction(work, "causal", DATA_CONFIG, "tokenizer/net_epoch-1_state.pt")


def check_prediction(work, name, data_config, checkpoint):
    """Codes and particles are those of the tokenizer in Python, and the latter are near those of the files."""
    table = ak.from_parquet(work / f"predictions/{name}.parquet")
    opened = open_tokenizer(work / checkpoint, data_config)
    files = sorted((work / "test").glob("*.root"))
    wanted = opened.codes(files)
    assert len(table) == len(wanted) == 300
    key = {(str(files[file].resolve().name), entry): place
           for place, (file, entry) in enumerate(zip(wanted.file, wanted.entry, strict=True))}  # fmt: skip
    assert len(key) == 300
    assert sorted(ak.num(table["scores"]).tolist()) == sorted(ak.num(wanted.codes).tolist())
    assert sorted(map(tuple, table["scores"].to_list())) == sorted(map(tuple, wanted.codes.to_list()))
    assert ak.max(table["scores"]) < opened.num_codes
    particles = opened.particles(table["scores"])
    for column in ("pt", "deta", "dphi"):
        found = ak.to_numpy(ak.flatten(table[f"rec_part_{column}"]))
        np.testing.assert_allclose(found, ak.to_numpy(ak.flatten(particles[column])), rtol=1e-4, atol=1e-5)
    is_full = name in ("causal", "finite")
    assert ("rec_part_charge" in table.fields) == is_full
    assert {"_label_", "jet_pt"} <= set(table.fields)


def test_a_tokenizer_is_resumed(work):
    (work / "resumed").mkdir()
    for suffix in ("state", "optimizer"):
        shutil.copy(work / f"tokenizer/net_epoch-0_{suffix}.pt", work / f"resumed/net_epoch-0_{suffix}.pt")
    words = ("--model-prefix", "resumed/net", "--load-epoch", "0", *OF_CAUSAL, *STEPS)
    assert "Resume training from epoch 0" in succeeded(weaver(work, "jet_tokenizer", *words))
    before, after = (state(work, f"resumed/net_epoch-{epoch}_state.pt") for epoch in (0, 1))
    assert (before["step"], after["step"]) == (3, 6)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_trains_and_holds_its_tokenizer(work, models, name):
    own, held = state(work, "tokenizer/net_epoch-1_state.pt"), state(work, f"{name}/net_epoch-0_state.pt")
    tokenizer = [key for key in held if key.startswith("tokenizer.")]
    assert len(tokenizer) > 10
    assert all(torch.equal(held[key], own[key]) for key in tokenizer)
    assert held["step"] == 3
    log = models[name]
    assert ("Loss/next/eval (epoch)" in log) == (name != "masked")
    assert ("Loss/composition/eval (epoch)" in log) == (name in ("joint", "masked"))
    assert ("Loss/masked/eval (epoch)" in log) == (name in ("joint", "masked"))
    for wanted in ("gain_nats", "accuracy_at_3", "cut_jets") if name != "masked" else ():
        assert f"Pretrain/{wanted}/eval (epoch)" in log
    assert "probe_accuracy" in log


@pytest.mark.parametrize("name", PRESETS)
def test_it_is_resumed_and_predicts_without_its_files(work, models, name):
    """Tokenizer and clusters come from the checkpoint: neither option is given."""
    output = ("--data-test", "test/*.root", "--predict-output", f"predictions/{name}.parquet")
    words = ("--model-prefix", f"{name}/net", "--load-epoch", "0", *MODEL, *PRESETS[name], *STEPS, *output)
    log = succeeded(weaver(work, "omnijet_pretrain", *words))
    assert "Resume training from epoch 0" in log
    assert state(work, f"{name}/net_epoch-1_state.pt")["step"] == 6
    table = ak.from_parquet(work / f"predictions/{name}.parquet")
    embedding = ak.to_numpy(table["scores"])
    assert embedding.shape == (300, 16)
    assert np.isfinite(embedding).all()
    assert embedding.std(axis=0).min() > 1e-4


@pytest.mark.parametrize("start", [("--load-epoch", "0"), ("--load-model-weights", "paper/net_epoch-0_state.pt")])
def test_another_tokenizer_than_that_of_the_pre_training_is_refused(work, models, start):
    """Its codes mean something else; that of the same training, one epoch before, has the same shapes."""
    words = ("--model-prefix", "paper/net", *start, *MODEL, *PRESETS["paper"], *STEPS)
    line = refused(weaver(work, "omnijet_pretrain", *words, "-o", "tokenizer", "tokenizer/net_epoch-0_state.pt"))
    assert names(line, "-o tokenizer", "leave the option out")


def test_a_model_longer_than_the_jets_of_weaver_is_refused(work):
    line = refused(weaver(work, "omnijet_pretrain", "--model-prefix", "none/net", *STEPS, "-o", "longest", "129"))
    assert names(line, "-o longest", 129, "at most 128")


def test_without_any_tokenizer_it_is_asked_for(work):
    line = refused(weaver(work, "omnijet_pretrain", "--model-prefix", "none/net", *MODEL, *STEPS))
    assert names(line, "-o tokenizer", "jet_tokenizer.py")


def test_the_encoder_is_fine_tuned_and_embeds(work, models, monkeypatch):
    name = "hybrid"
    registers = ("-o", "num_registers", "2")
    words = ("--load-model-weights", f"{name}/net_epoch-0_state.pt", "--model-prefix", f"{name}_tuned/net")
    steps = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2", "-o", "pooling", "mean")
    log = succeeded(weaver(work, "hepjepa_finetune", *words, *ENCODER, *registers, *steps, "-o", "freeze", "True"))
    assert "Unexpected: []" in log
    tuned, held = state(work, f"{name}_tuned/net_epoch-0_state.pt"), state(work, f"{name}/net_epoch-0_state.pt")
    for key in ("mod.blocks.0.fc1.weight", "mod.embed.input_bn.running_mean", "register_token"):
        assert torch.equal(tuned[key], held[f"context_encoder.{key}"]), key
    monkeypatch.chdir(work)
    words = ("embed", f"{name}/net_epoch-0_state.pt", "test/HToBB_000.root", "--data-config", str(DATA_CONFIG), "-o")
    run_command([*words, "hybrid.parquet"])
    embedding = ak.to_numpy(ak.from_parquet("hybrid.parquet")["embedding"])
    assert embedding.shape == (30, 16)
    assert np.isfinite(embedding).all()


@pytest.mark.parametrize("pooling", ["sum", "class_attention"])
def test_a_network_over_codes_is_fine_tuned_with_its_own_tokenizer(work, models, pooling):
    prefix, test = f"paper_{pooling}/net", ("--data-test", "test/*.root", "--predict-output", "codes.parquet")
    words = ("--load-model-weights", "paper/net_epoch-0_state.pt", "--model-prefix", prefix, "-o", "pooling", pooling)
    steps = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2", "-o", "freeze", "True")
    succeeded(weaver(work, "omnijet_finetune", *words, *ENCODER, *PRESETS["paper"], *steps, *test))
    tuned, held = state(work, f"{prefix}_epoch-0_state.pt"), state(work, "paper/net_epoch-0_state.pt")
    same = [key for key in held if key.startswith(("id_encoder.blocks", "tokenizer."))]
    assert len(same) > 20
    assert all(torch.equal(tuned[key], held[key]) for key in same)
    scores = ak.to_numpy(ak.from_parquet(work / f"paper_{pooling}/predict_output/codes.parquet")["scores"])
    assert scores.shape == (300, 10)
    assert scores.std(axis=0).min() > 0


@pytest.mark.parametrize(("name", "value"), [("running_totals", "True"), ("jet_totals", "given")])
def test_a_network_that_was_told_totals_is_not_fine_tuned_without(work, name, value):
    words = ("--model-prefix", f"{name}/net", *MODEL, *PRESETS["paper"], *STEPS, *ONE_EPOCH)
    more = ("-o", name, value, "-o", "tokenizer", "tokenizer/net_epoch-1_state.pt")
    succeeded(weaver(work, "omnijet_pretrain", *words, *more))
    words = ("--load-model-weights", f"{name}/net_epoch-0_state.pt", "--model-prefix", "tuned/net")
    line = refused(weaver(work, "omnijet_finetune", *words, *ENCODER, *PRESETS["paper"]))
    assert names(line, f"-o {name}", "pre-train without")


def test_an_encoder_of_features_is_exported(work, models):
    """Registers cannot be; that of the masked model has none, and sees all particles."""
    exported = ("--model-prefix", "masked/net_epoch-0_state.pt", "--export-onnx", "onnx/masked.onnx", *MODEL)
    succeeded(weaver(work, "omnijet_pretrain", *exported, *PRESETS["masked"], split=None))
    session = onnxruntime.InferenceSession(str(work / "onnx/masked.onnx"))
    assert [output.name for output in session.get_outputs()] == ["embedding"]
    inputs = weaver_inputs(random_jets([1, 30, 128]))
    given = {name: value.numpy() for name, value in zip(REQUIRED_GROUPS, inputs, strict=True)}
    (found,) = session.run([], given)
    encoder = load_encoder(work / "masked/net_epoch-0_state.pt", DATA_CONFIG)
    with torch.no_grad():
        wanted = encoder.encoder(encoder.reader(*inputs)).mean_token()
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.parametrize("name", ["hybrid", "joint"])
def test_jets_are_generated_from_the_checkpoint_alone(work, models, name):
    words = ("generate", f"{name}/net_epoch-0_state.pt", "-n", "30", "-o", f"generated/{name}.root")
    done = hepjepa(*words, "--batch-size", "20", cwd=work)
    assert done.returncode == 0, done.stderr
    assert names(done.stdout.strip().splitlines()[-1], f"generated/{name}.root", "30 jets", 40)
    jets = read_particles([work / f"generated/{name}.root"])
    assert len(jets) == 30
    assert jets.counts.max() <= 40


def test_jets_of_classes_are_generated(work, monkeypatch):
    words = ("--model-prefix", "classes/net", *MODEL, *PRESETS["paper"], *STEPS, *ONE_EPOCH)
    more = ("-o", "class_condition", "True", "-o", "tokenizer", "tokenizer/net_epoch-1_state.pt")
    succeeded(weaver(work, "omnijet_pretrain", *words, *more))
    monkeypatch.chdir(work)
    run_command(["generate", "classes/net_epoch-0_state.pt", "-n", "100", "-o", "generated/classes.root"])
    jets = read_particles([work / "generated/classes.root"])
    assert [jets.label_names[label] for label in jets.label] == list(LABELS) * 10
