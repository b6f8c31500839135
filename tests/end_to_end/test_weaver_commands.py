"""Every shipped network config through the real `weaver` command, on toy files in JetClass's schema."""

import re
import resource
import shutil

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from hepjepa_weaver.config.presets import PRESETS
from hepjepa_weaver.evaluation.training_curves import newest_run, read_curves
from tests.helpers.messages import names
from tests.helpers.toy_jets import LABELS
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, FINETUNE, PREDICTOR, PRETRAIN, refused, succeeded, weaver

pytestmark = pytest.mark.slow


def state(work, name):
    return torch.load(work / name, weights_only=True)


@pytest.fixture(scope="module")
def work(work, pretrained, finetuned):
    """The toy jets, with networks trained on them at `pretrain/net` and `finetune/net`."""
    (work / "pretrain").symlink_to(pretrained / "pretrain")
    (work / "finetune").symlink_to(finetuned / "finetune")
    return work


@pytest.mark.first
def test_pretraining_writes_checkpoints_and_picks_the_best_epoch_by_the_probe(pretrained):
    log = (pretrained / "pretrain.log").read_text()
    accuracies = re.findall(r"probe_accuracy/eval \(epoch\) ([\d.]+)", log)
    metrics = re.findall(r"Current validation metric: ([\d.]+) \(best: ([\d.]+)\)", log)
    assert [metric for metric, _ in metrics] == accuracies
    assert metrics[-1][1] == max(accuracies)
    assert state(pretrained, "pretrain/net_epoch-1_state.pt")["step"] == 8
    assert (pretrained / "pretrain/net_best_epoch_state.pt").exists()


def test_pretraining_writes_tensorboard_scalars(pretrained):
    curves = read_curves(newest_run(str(pretrained / "runs/*_toy")))
    wanted = {"Loss/total/train", "Loss/composition/train", "Loss/event/train", "Pretrain/ema_momentum"}
    wanted |= {"Pretrain/target_std", "Pretrain/effective_rank", "Pretrain/probe_accuracy/eval (epoch)"}
    wanted |= {"Pretrain/target_std/eval (epoch)"}
    assert wanted <= set(curves)


def test_pretraining_resumes_where_it_stopped(work):
    for suffix in ("state", "optimizer"):
        (work / "resumed").mkdir(exist_ok=True)
        shutil.copy(work / f"pretrain/net_epoch-0_{suffix}.pt", work / f"resumed/net_epoch-0_{suffix}.pt")
    succeeded(weaver(work, "hepjepa_pretrain", "--model-prefix", "resumed/net", "--load-epoch", "0", *PRETRAIN))
    whole, resumed = (state(work, f"{name}/net_epoch-1_state.pt") for name in ("pretrain", "resumed"))
    assert resumed["step"] == whole["step"]
    assert resumed["ema_momentum"] == whole["ema_momentum"]


def test_embeddings_are_written_for_every_jet(work):
    options = ("--predict", "--model-prefix", "pretrain/net", "--predict-output", "predictions/embedding.parquet")
    succeeded(weaver(work, "hepjepa_pretrain", *options, *ENCODER, *PREDICTOR, split="test", from_shell=True))
    table = ak.from_parquet(work / "predictions/embedding.parquet")
    assert ak.to_numpy(table["scores"]).shape == (300, 16)
    assert np.isfinite(ak.to_numpy(table["scores"])).all()
    assert {"_label_", "jet_pt", "jet_sdmass"} <= set(table.fields)


def test_finetuning_takes_the_target_encoder_out_of_the_checkpoint(finetuned):
    log = (finetuned / "finetune.log").read_text()
    assert re.search(r"Missing: \['fc\.0\.weight', 'fc\.0\.bias'\]\n \.\.\. Unexpected: \[\]", log)
    assert (finetuned / "finetune/net_best_epoch_state.pt").exists()


def test_scores_are_written_for_every_jet(work):
    for name in ("scores.parquet", "scores.root"):
        options = ("--predict", "--model-prefix", "finetune/net", "--predict-output", f"predictions/{name}")
        succeeded(weaver(work, "hepjepa_finetune", *options, *ENCODER, split="test"))
    scores = ak.to_numpy(ak.from_parquet(work / "predictions/scores.parquet")["scores"])
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
    with uproot.open(work / "predictions/scores.root") as file:
        columns = file["Events"].arrays([f"score_label_{name}" for name in LABELS], library="np")
    assert np.allclose(np.stack(list(columns.values()), axis=1), scores, atol=1e-6)


@pytest.mark.parametrize("network", ["hepjepa_finetune", "hepjepa_pretrain"])
def test_a_test_of_many_batches_does_not_run_out_of_files(work, network):
    """300 batches of eleven labels and observers, each of which would keep a file open."""
    prefix = "finetune/net" if network == "hepjepa_finetune" else "pretrain/net"
    sizes = ENCODER if network == "hepjepa_finetune" else (*ENCODER, *PREDICTOR)
    options = ("--predict", "--model-prefix", prefix, "--predict-output", f"predictions/one_by_one_{network}.parquet")
    few_files = {resource.RLIMIT_NOFILE: 600}
    succeeded(weaver(work, network, *options, "--batch-size", "1", *sizes, split="test", limits=few_files))
    assert len(ak.from_parquet(work / f"predictions/one_by_one_{network}.parquet")) == 300


def test_a_frozen_encoder_is_left_as_it_is(work):
    weights = "pretrain/net_epoch-1_state.pt"
    options = ("--model-prefix", "frozen/net", "--load-model-weights", weights, "-o", "freeze", "True", *FINETUNE)
    succeeded(weaver(work, "hepjepa_finetune", *options))
    before, after = state(work, weights), state(work, "frozen/net_epoch-0_state.pt")
    encoder = [key for key in after if key.startswith("mod.")]
    assert all(torch.equal(after[key], before[f"target_encoder.{key}"]) for key in encoder)


@pytest.mark.parametrize("network", ["part", "particlenet"])
def test_baselines_train_and_predict(work, network):
    size = ENCODER if network == "part" else ["-o", "conv_params", "[(4,(8,8))]", "-o", "fc_params", "[(8,0.1)]"]
    options = (*size, "--num-epochs", "1", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3")
    prediction = ("--data-test", "test/*.root", "--predict-output", f"predictions/{network}.parquet")
    # by command line alone: best epoch after one epoch of four steps may have no accuracy above 0, so no best epoch
    succeeded(weaver(work, network, "--model-prefix", f"{network}/net", *options, from_shell=network == "part"))
    last = ("--predict", "--model-prefix", f"{network}/net_epoch-0_state.pt", *size, *prediction)
    succeeded(weaver(work, network, *last, split=None))
    assert len(ak.from_parquet(work / f"predictions/{network}.parquet")) == 300


def test_nan_in_a_feature_is_reported_once_and_does_not_reach_the_weights(work):
    folder = work / "nan"
    folder.mkdir()
    for path in sorted((work / "train").glob("*.root")):
        with uproot.open(path) as file, uproot.recreate(folder / path.name) as copy:
            table = file["tree"].arrays()
            branches = {name: table[name] for name in table.fields if not name.startswith("n")}
            branches["part_d0val"] = ak.values_astype(
                ak.where(branches["part_px"] > 0, np.nan, branches["part_d0val"]), "float32"
            )
            copy.mktree("tree", {name: column.type for name, column in branches.items()})
            copy["tree"].extend(branches)
    options = ("--data-train", "nan/*.root", "--data-val", "nan/*.root", "--model-prefix", "nan_net/net", *PRETRAIN)
    log = succeeded(weaver(work, "hepjepa_pretrain", *options, split=None))
    assert log.count("'part_d0' contains NaN") <= 2  # once in each of the two loader processes
    assert "'part_d0' contains NaN" in log
    assert all(torch.isfinite(value).all() for value in state(work, "nan_net/net_epoch-1_state.pt").values())


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_pretrains_and_is_fine_tuned(work, preset):
    named = ("-o", "preset", preset, *ENCODER)
    steps = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2")
    done = weaver(work, "hepjepa_pretrain", "--model-prefix", f"{preset}/net", *named, *PREDICTOR, *steps)
    log = succeeded(done)
    assert "probe_accuracy" in log
    assert (f"-o preset {preset} needs care" in log) == (preset in ("paper", "jp"))
    weights = ("--load-model-weights", f"{preset}/net_epoch-0_state.pt")
    pooling = ("-o", "pooling", "class_attention", "-o", "head_epochs", "1", "-o", "layer_decay", "0.7")
    options = ("--optimizer", "AdamW", "--model-prefix", f"{preset}_tuned/net", *weights, *named, *pooling)
    log = succeeded(weaver(work, "hepjepa_finetune", *options, *steps[2:], "--num-epochs", "2"))
    assert "Unexpected: []" in log
    assert "needs care" not in log
    before, *after = (
        state(work, f"{path}_state.pt")
        for path in (f"{preset}/net_epoch-0", *(f"{preset}_tuned/net_epoch-{i}" for i in (0, 1)))
    )
    name = "mod.blocks.0.fc1.weight"
    assert torch.equal(after[0][name], before[f"target_encoder.{name}"])
    assert not torch.equal(after[1][name], after[0][name])


def test_masked_particle_modelling_is_trained_resumed_and_fine_tuned(work):
    succeeded(weaver(work, "mpm_pretrain", "--model-prefix", "mpm/net", "-o", "seed", "3", *PRETRAIN))
    for suffix in ("state", "optimizer"):
        (work / f"mpm/net_epoch-1_{suffix}.pt").unlink()
    succeeded(weaver(work, "mpm_pretrain", "--model-prefix", "mpm/net", "--load-epoch", "0", *PRETRAIN))
    assert state(work, "mpm/net_epoch-1_state.pt")["step"] == 8
    weights = ("--load-model-weights", "mpm/net_epoch-1_state.pt", "-o", "pooling", "mean")
    succeeded(weaver(work, "hepjepa_finetune", "--model-prefix", "mpm_tuned/net", *weights, *FINETUNE))


def test_a_seed_repeats_a_run(work):
    states = []
    for name in ("one", "two", "other"):
        seed = "8" if name == "other" else "7"
        options = ("--model-prefix", f"seed_{name}/net", "-o", "seed", seed, *PRETRAIN, "--num-epochs", "1")
        succeeded(weaver(work, "mpm_pretrain", *options, "--run-mode", "train"))
        states.append(state(work, f"seed_{name}/net_epoch-0_state.pt"))
    name = "predictor.mask_token"
    assert torch.equal(states[0][name], states[1][name])
    assert not torch.equal(states[0][name], states[2][name])


@pytest.mark.parametrize("features", ["kin", "kinpid"])
def test_the_other_feature_sets_pretrain(work, features):
    options = (*ENCODER, *PREDICTOR, "--num-epochs", "1", "--steps-per-epoch", "2", "-o", "regression_weight", "1")
    data_config = DATA_CONFIG.with_name(f"JetClass_{features}.yaml")
    done = weaver(work, "hepjepa_pretrain", "--model-prefix", f"{features}/net", *options, data_config=data_config)
    assert "probe_accuracy" in succeeded(done)


def test_a_best_guess_at_an_option_is_refused(work):
    line = refused(weaver(work, "hepjepa_pretrain", "-o", "msk_strategy", "ball", from_shell=True))
    assert names(line, "-o", "msk_strategy", "mask_strategy")


def test_a_value_that_is_neither_python_nor_a_word_is_explained(work):
    assert names(refused(weaver(work, "hepjepa_pretrain", "-o", "target_ratio", "(0.3,")), "-o target_ratio", "(0.3,")


@pytest.mark.parametrize("network", ["hepjepa_pretrain", "part"])
def test_a_glob_without_files_is_refused_before_training(work, network):
    options = ("--data-train", "train/*.root", "--data-val", "nothing/*.root", *ENCODER)
    line = refused(weaver(work, network, *options, split=None))
    assert names(line, "--data-val", "nothing/*.root")


def test_a_file_that_is_no_root_file_is_refused(work):
    (work / "bad").mkdir()
    (work / "bad/jets.root").write_text("<html>404</html>")
    options = ("--data-train", "bad/*.root", "--data-val", "val/*.root", *PRETRAIN)
    assert names(refused(weaver(work, "hepjepa_pretrain", *options, split=None)), "bad/jets.root")


@pytest.mark.parametrize("old", ["pf_mask:", "pf_vectors:"])
def test_a_data_config_with_other_inputs_is_refused(work, old):
    text = DATA_CONFIG.read_text().replace(old, old.replace("pf", "sv"))
    (work / "other.yaml").write_text(text)
    line = refused(weaver(work, "hepjepa_pretrain", *PRETRAIN, data_config="other.yaml"))
    assert names(line, old.replace("pf", "sv").rstrip(":"), "pf_points", "pf_features", "pf_vectors", "pf_mask")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--load-model-weights", "pretrain/typo.pt", *FINETUNE), ("pretrain/typo.pt", "No such file")),
        (("--load-model-weights", "pretrain/net", *FINETUNE), ("pretrain/net", "No such file")),
        (("--load-model-weights", "pretrain", *FINETUNE), ("pretrain", "directory")),
        (("--load-model-weights", "train/TTBar_000.root", *FINETUNE), ("checkpoint", "damaged")),
        (("--load-model-weights", "pretrain/net_epoch-0_state.pt", "-o", "num_layers", "2"), ("heads", 8)),
        (FINETUNE, ("--load-model-weights", "from_scratch")),
    ],
)
def test_weights_that_do_not_fit_are_refused(work, options, wanted):
    line = refused(weaver(work, "hepjepa_finetune", "--model-prefix", "refused/net", *options))
    assert names(line, *wanted)


def test_weights_of_another_feature_set_are_refused(work):
    options = ("--load-model-weights", "pretrain/net_epoch-0_state.pt", *FINETUNE)
    kin = DATA_CONFIG.with_name("JetClass_kin.yaml")
    line = refused(weaver(work, "hepjepa_finetune", *options, data_config=kin))
    assert names(line, 17, 7)


def test_a_baseline_that_would_load_nothing_is_refused(work):
    options = ("--load-model-weights", "pretrain/net_epoch-0_state.pt", *FINETUNE)
    assert names(refused(weaver(work, "part", *options)), "no weight", "checkpoint")


def test_a_prediction_with_another_network_is_refused(work):
    options = ("--predict", "--model-prefix", "finetune/net", "--predict-output", "predictions/none.parquet")
    line = refused(weaver(work, "hepjepa_finetune", *options, split="test"))
    assert names(line, "net_best_epoch_state.pt", "-o num_layers was 1 and is 8", "of its training")
