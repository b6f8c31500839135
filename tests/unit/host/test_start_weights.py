from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host.start_weights import check_start_weights, checkpoint_of
from hepjepa_weaver.model.made_with import describe, made_with
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import names, naming
from tests.helpers.networks import SMALL_ENCODER, small_classifier, weaver_args


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def description(features="full", **options):
    config = config_from_options(FinetuneConfig, {**SMALL_ENCODER, **options})
    return made_with(jetclass_config(features), config, 10)


NOW = description()
EXCHANGED = replace(NOW, labels=[NOW.labels[1], NOW.labels[0], *NOW.labels[2:]])
OTHER_INPUTS = replace(NOW, inputs={**NOW.inputs, "pf_vectors": NOW.inputs["pf_vectors"][::-1]})


def checkpoint(described, name="net_best_epoch_state.pt"):
    """A checkpoint that says of itself what it was made with; without a description if that is None."""
    network = small_classifier()
    if described is not None:
        describe(network, described)
    torch.save(network.state_dict(), name)
    return name


TEST = ("--predict", "--model-prefix", "net")
RESUMED = ("--load-epoch", "3", "--model-prefix", "net")
FINETUNED = ("--load-model-weights", "net_epoch-3_state.pt", "--model-prefix", "new")
EXPORTED = ("--export-onnx", "net.onnx", "--model-prefix", "net_best_epoch_state.pt")
ALL = (TEST, RESUMED, FINETUNED, EXPORTED)


def check(*words, saved=NOW, now=NOW, takes_other_inputs=False):
    """Check a command in a folder with checkpoints that were made with `saved`."""
    for name in ("net_best_epoch_state.pt", "net_epoch-3_state.pt"):
        checkpoint(saved, name)
    check_start_weights(weaver_args(*words), now, takes_other_inputs)


def warned(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "weaver"]


# --- which checkpoint ---


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--predict", "--model-prefix", "net"), "net_best_epoch_state.pt"),
        (("--predict", "--model-prefix", "net_epoch-3_state.pt"), "net_epoch-3_state.pt"),
        (("--predict", "--model-prefix", "net_epoch-3_state.pt:target_encoder"), "net_epoch-3_state.pt"),
        (("--run-mode", "test", "--model-prefix", "net"), "net_best_epoch_state.pt"),
        (("--predict", "--model-prefix", "net", "--load-epoch", "3"), "net_best_epoch_state.pt"),
        (("--predict", "--model-prefix", "net", "--load-model-weights", "start.pt"), "net_best_epoch_state.pt"),
        (("--load-epoch", "3", "--model-prefix", "net"), "net_epoch-3_state.pt"),
        (("--load-epoch", "3", "--model-prefix", "net", "--load-model-weights", "start.pt"), "net_epoch-3_state.pt"),
        (("--load-epoch", "0", "--model-prefix", "net"), "net_epoch-0_state.pt"),
        (("--load-model-weights", "start.pt"), "start.pt"),
        (("--load-model-weights", "start.pt:target_encoder"), "start.pt"),
        (("--export-onnx", "net.onnx", "--model-prefix", "net_epoch-3_state.pt"), "net_epoch-3_state.pt"),
    ],
    ids=str,
)
def test_the_checkpoint_is_the_one_that_weaver_loads(words, name):
    for there in ("net_best_epoch_state.pt", "net_epoch-3_state.pt", "net_epoch-0_state.pt", "start.pt"):
        Path(there).touch()
    assert checkpoint_of(weaver_args(*words)) == Path(name)
    Path(name).unlink()
    assert checkpoint_of(weaver_args(*words)) is None


@pytest.mark.parametrize("words", [(), ("--model-prefix", "net"), ("--predict", "--model-prefix", "net.onnx")], ids=str)
def test_a_new_training_and_an_onnx_file_have_no_checkpoint(words):
    for there in ("net_best_epoch_state.pt", "net.onnx"):
        Path(there).touch()
    assert checkpoint_of(weaver_args(*words)) is None


# --- inputs ---


@pytest.mark.parametrize("words", ALL, ids=str)
def test_weights_for_the_same_network_pass_in_silence(words, caplog):
    check(*words)
    assert warned(caplog) == []


@pytest.mark.parametrize("words", ALL, ids=str)
def test_weights_for_other_inputs_are_refused_unless_allowed(words):
    with pytest.raises(UserError, match=naming("variable 1", "part_energy", "part_px", "-o other_inputs True", ".pt")):
        check(*words, saved=OTHER_INPUTS)
    check(*words, saved=OTHER_INPUTS, takes_other_inputs=True)


def test_other_features_are_refused():
    with pytest.raises(UserError, match=naming("pf_features", "7", "17")):
        check(*FINETUNED, saved=description("kin"))


def test_without_a_checkpoint_there_is_nothing_to_check():
    check_start_weights(weaver_args("--model-prefix", "new"), NOW, takes_other_inputs=False)
    check_start_weights(weaver_args("--load-model-weights", "gone.pt"), NOW, takes_other_inputs=False)


# --- labels ---


@pytest.mark.parametrize("words", ALL, ids=str)
def test_exchanged_labels_are_refused(words):
    with pytest.raises(
        UserError, match=naming("label_Hbb, label_QCD", "label_QCD, label_Hbb", "--exclude-model-weights")
    ):
        check(*words, saved=EXCHANGED)


@pytest.mark.parametrize("patterns", ["fc.+", "fc.+,mod.fc.+", "other,fc.+", "mod.fc.+", "fc"])
def test_exchanged_labels_are_no_matter_to_a_new_head(patterns):
    check(*FINETUNED, "--exclude-model-weights", patterns, saved=EXCHANGED)


@pytest.mark.parametrize("patterns", ["mod.cls.+", "other", "", ",", "head.fc.+"])
def test_a_head_that_is_kept_needs_its_labels(patterns):
    with pytest.raises(UserError, match=naming("other labels")):
        check(*FINETUNED, "--exclude-model-weights", patterns, saved=EXCHANGED)


def test_a_pretraining_has_no_labels_to_exchange():
    check(*FINETUNED, saved=replace(EXCHANGED, num_classes=None))


def test_another_number_of_classes_gets_a_new_head():
    check(*FINETUNED, saved=replace(NOW, labels=NOW.labels[:2], num_classes=2))


def test_a_test_on_jets_without_labels_may_name_a_single_class():
    check(*TEST, now=replace(NOW, labels=["label_QCD"]))


@pytest.mark.parametrize("words", [TEST, ("--run-mode", "test", "--model-prefix", "net")], ids=str)
def test_more_scores_than_labels_do_not_fit_into_a_root_file(words):
    fewer = replace(NOW, labels=["label_QCD"])
    with pytest.raises(UserError, match=naming("--predict-output out.root", "1 labels", "10", ".parquet")):
        check(*words, "--predict-output", "out.root", now=fewer)
    check(*words, "--predict-output", "out.parquet", now=fewer)
    check(*words, "--predict-output", "out.root")


# --- options ---


@pytest.mark.parametrize("words", [TEST, EXPORTED, ("--run-mode", "test", "--model-prefix", "net")], ids=str)
def test_other_options_are_refused_where_the_weights_are_used_as_they_are(words):
    with pytest.raises(UserError, match=naming("-o pooling was mean and is class_token", "-o num_registers was 2")):
        check(*words, saved=description(pooling="mean", num_registers=2))


def test_other_options_are_told_where_a_training_goes_on(caplog):
    check(*RESUMED, saved=description(pooling="mean"))
    (message,) = warned(caplog)
    assert names(message, "net_epoch-3_state.pt", "-o pooling was mean and is class_token")


def test_weights_to_start_from_may_have_other_options(caplog):
    check(*FINETUNED, saved=description(pooling="mean", num_registers=2))
    assert warned(caplog) == []


def test_weights_to_start_from_need_the_same_end_of_the_pairwise_term():
    with pytest.raises(UserError, match=naming("-o use_pre_activation_pair was True and is False")):
        check(*FINETUNED, saved=description(use_pre_activation_pair=True))


@pytest.mark.parametrize("words", ALL, ids=str)
def test_options_of_the_training_may_differ(words, caplog):
    check(*words, saved=description(dropout=0.3, seed=7, freeze=True))
    assert warned(caplog) == []


# --- checkpoints of other code ---


@pytest.mark.parametrize("words", ALL, ids=str)
@pytest.mark.parametrize("is_pre", [False, True])
def test_the_end_of_the_pairwise_term_is_told_for_a_checkpoint_that_does_not_tell(words, is_pre, caplog):
    check(*words, saved=None, now=description(use_pre_activation_pair=is_pre))
    (message,) = warned(caplog)
    assert names(message, ".pt", f"-o use_pre_activation_pair {is_pre}", "Sophon", "particle_transformer")


def test_a_checkpoint_without_a_pairwise_term_needs_no_word(caplog):
    torch.save(small_classifier(pair_bias=False).state_dict(), "start.pt")
    check_start_weights(weaver_args("--load-model-weights", "start.pt"), NOW, takes_other_inputs=False)
    assert warned(caplog) == []


def test_a_network_without_a_pairwise_term_needs_no_word(caplog):
    check(*FINETUNED, saved=None, now=replace(NOW, options={"conv_params": []}))
    assert warned(caplog) == []


@pytest.mark.parametrize("content", [b"some text", [1, 2], nn.Linear(2, 2)], ids=["text", "a list", "a whole module"])
def test_a_file_that_is_no_checkpoint_is_left_to_be_told_where_its_weights_are_loaded(content, caplog):
    if isinstance(content, bytes):
        Path("start.pt").write_bytes(content)
    else:
        torch.save(content, "start.pt")
    check_start_weights(weaver_args("--load-model-weights", "start.pt"), NOW, takes_other_inputs=False)
    assert warned(caplog) == []
