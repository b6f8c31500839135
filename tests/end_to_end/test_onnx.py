"""Networks exported by `weaver --export-onnx`, run by onnxruntime."""

import json
from pathlib import Path

import awkward as ak
import numpy as np
import onnxruntime
import pytest
import torch

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS
from tests.helpers.messages import names
from tests.helpers.networks import default_jepa, small_classifier, small_mpm
from tests.helpers.toy_jets import LABELS, random_jets, weaver_inputs
from tests.helpers.weaver_command import refused, succeeded, weaver

pytestmark = pytest.mark.slow

ENCODER = ("-o", "embed_dims", "(16,32,16)", "-o", "pair_embed_dims", "(8,8)", "-o", "num_heads", "4",
           "-o", "num_layers", "2")  # fmt: skip
PREDICTOR = ("-o", "predictor_dim", "8", "-o", "predictor_layers", "1", "-o", "predictor_heads", "2")
JETS = {
    "one particle": [1],
    "one to three": [1, 2, 3],
    "all lengths": list(range(1, 129)),
    "longest": [128] * 3,
    "an empty one": [0, 7],
}


def export(work: Path, network: str, model: torch.nn.Module, name: str, *options: str) -> onnxruntime.InferenceSession:
    """The network with the weights of `model`, by the real command."""
    torch.save(model.state_dict(), work / f"{name}.pt")
    words = ("--model-prefix", f"{name}.pt", "--export-onnx", f"{name}/net.onnx", *ENCODER, *options)
    succeeded(weaver(work, network, *words, split=None))
    return onnxruntime.InferenceSession(str(work / name / "net.onnx"))


def run(session: onnxruntime.InferenceSession, inputs: tuple[torch.Tensor, ...]) -> list[np.ndarray]:
    outputs: list[np.ndarray] = session.run(
        [], {name: value.numpy() for name, value in zip(REQUIRED_GROUPS, inputs, strict=True)}
    )
    return outputs


def with_used_statistics(model: torch.nn.Module) -> torch.nn.Module:
    """Moved from where it starts: BatchNorm's means and variances too."""
    torch.manual_seed(5)
    model.train()
    for seed in range(3):
        model(*weaver_inputs(random_jets([3, 20, 60, 128], seed=seed)))
    return model.eval()


@pytest.fixture(scope="module", params=["class_token", "mean", "class_attention"])
def classifier(request: pytest.FixtureRequest, work: Path) -> tuple:
    model = with_used_statistics(small_classifier(pooling=request.param, from_scratch=True))
    options = ("-o", "pooling", request.param, "-o", "export_embedding", "True")
    return model, export(work, "hepjepa_finetune", model, request.param, *options)


@pytest.mark.parametrize("multiplicities", JETS.values(), ids=JETS)
def test_scores_and_embeddings_are_those_of_pytorch(classifier: tuple, multiplicities: list[int]) -> None:
    model, session = classifier
    inputs = weaver_inputs(random_jets(multiplicities, seed=7))
    assert [output.name for output in session.get_outputs()] == ["softmax", "embedding"]
    scores, embedding = run(session, inputs)
    with torch.no_grad():
        wanted = model.embed(model.reader(*inputs))
        assert np.allclose(embedding, wanted, atol=1e-4)
        assert np.allclose(scores, model(*inputs).softmax(dim=1), atol=1e-4)
    assert np.ptp(embedding, axis=0).max() > 0.1 or len(multiplicities) < 3


def test_jets_neither_see_each_other_nor_the_padding(classifier: tuple) -> None:
    _, session = classifier
    alone = run(session, weaver_inputs(random_jets([5], seed=3)))
    inputs = weaver_inputs(random_jets([5, 128, 1], seed=3))
    first = weaver_inputs(random_jets([5], seed=3))
    for value, short in zip(inputs, first, strict=True):
        value[0] = 0
        value[0, :, :5] = short[0]
    inputs[1][0, :, 5:] = 17.0
    inputs[2][0, :, 5:] = inputs[2][0, :, :1]  # as weaver pads: by particles of the jet
    for one, several in zip(alone, run(session, inputs), strict=True):
        assert np.allclose(one[0], several[0], atol=1e-5)


@pytest.mark.parametrize(("network", "make"), [("hepjepa_pretrain", default_jepa), ("mpm_pretrain", small_mpm)])
def test_a_pretrained_encoder_gives_embeddings(work: Path, network: str, make) -> None:
    model = make()
    session = export(work, network, model, network, *PREDICTOR)
    model.eval()
    inputs = weaver_inputs(random_jets([1, 2, 3, 40, 128]))
    (embedding,) = run(session, inputs)
    with torch.no_grad():
        assert np.allclose(embedding, model(*inputs), atol=1e-4)


def test_the_preprocessing_is_written_beside_it(work: Path, classifier: tuple) -> None:
    model, _ = classifier
    content = json.loads((work / model.tuning.pooling / "preprocess.json").read_text())
    assert content["input_names"] == list(REQUIRED_GROUPS)
    assert content["output_names"] == [f"label_{name}" for name in LABELS]
    assert content["pf_features"]["var_names"][0] == "part_pt_log"


@pytest.mark.parametrize("network", ["hepjepa_finetune", "part", "hepjepa_pretrain"])
def test_weaver_predicts_the_same_with_either(work: Path, network: str) -> None:
    own = {"hepjepa_finetune": ("-o", "from_scratch", "True"), "hepjepa_pretrain": PREDICTOR}
    options = own.get(network, ())
    train = ("--data-train", "test/*.root", "--data-val", "test/*.root", "--num-epochs", "1", "--steps-per-epoch", "4",
             "--steps-per-epoch-val", "2")  # fmt: skip
    succeeded(weaver(work, network, *train, "--model-prefix", f"{network}/net", *ENCODER, *options, split=None))
    checkpoint = f"{network}/net_epoch-0_state.pt"
    exported = ("--model-prefix", checkpoint, "--export-onnx", f"{network}/net.onnx")
    succeeded(weaver(work, network, *exported, *ENCODER, *options, split=None))
    scores = []
    for model in (checkpoint, f"{network}/net.onnx"):
        output = f"predictions/{network}{Path(model).suffix}.parquet"
        words = ("--predict", "--model-prefix", model, "--predict-output", output, *ENCODER, *options)
        succeeded(weaver(work, network, *words, split="test"))
        scores.append(ak.to_numpy(ak.from_parquet(work / output)["scores"]))
    assert scores[0].shape == (300, 16 if network == "hepjepa_pretrain" else 10)
    assert np.allclose(*scores, atol=1e-4)
    gone = ("--predict", "--model-prefix", f"{network}/net.onnx", "--data-test", "test/*.root", "gone.root")
    line = refused(weaver(work, network, *gone, *ENCODER, *options, split=None))
    assert names(line, "--data-test", "gone.root")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"num_registers": 2}, ("num_registers", 2, 0)),
        ({"tokens": "patches"}, ("tokens", "patches", "particles")),
    ],
)
def test_what_cannot_be_exported_is_refused(work: Path, options: dict, wanted: tuple) -> None:
    torch.save(small_classifier(**options).state_dict(), work / "refused.pt")
    words = ("--model-prefix", "refused.pt", "--export-onnx", "refused/net.onnx", *ENCODER)
    given = [word for name, value in options.items() for word in ("-o", name, str(value))]
    assert names(refused(weaver(work, "hepjepa_finetune", *words, *given, split=None)), "--export-onnx", *wanted)
