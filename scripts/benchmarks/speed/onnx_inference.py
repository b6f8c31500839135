"""A tagger with onnxruntime and the same one with PyTorch, on one core each."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import FinetuneConfig
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.model.classifier import JetClassifier
from speed.synthetic_jets import draw_multiplicities, make_groups

FEATURES, CLASSES, OPSET = 17, 10, 15
RUNTIMES = ("onnxruntime", "PyTorch", "PyTorch, weaver's forward pass")


@dataclass(frozen=True)
class OnnxCase:
    """One comparison: an encoder by its `-o size`, and batches of jets with multiplicities as in H→bb."""

    size: str
    batch_size: int
    seed: int


def runtimes(case: OnnxCase) -> tuple[dict[str, Callable[[], object]], float]:
    """Return by name a call that predicts one batch, and the largest difference between the scores of any two."""
    batch = new_batch(case)
    fast, plain = classifier(case, for_inference=False), classifier(case, for_inference=True)
    session = open_session(plain, batch)
    given = {name: value.numpy() for name, value in batch.items()}
    calls: dict[str, Callable[[], object]] = {
        RUNTIMES[0]: lambda: session.run([], given)[0],
        RUNTIMES[1]: lambda: predict(fast, batch).softmax(dim=1),
        RUNTIMES[2]: lambda: predict(plain, batch),
    }
    scores = [np.asarray(call()) for call in calls.values()]
    difference = max(float(np.abs(one - other).max()) for one in scores for other in scores)
    return calls, difference


def new_batch(case: OnnxCase) -> dict[str, Tensor]:
    """Return inputs as long as the longest jet, as a C++ program would pass them."""
    rng = np.random.default_rng(case.seed)
    counts = draw_multiplicities("jetclass", case.batch_size, 128, rng)
    return make_groups(counts, int(counts.max()), FEATURES, rng)


def classifier(case: OnnxCase, for_inference: bool) -> JetClassifier:
    """Return a network with random weights, which depend on the seed alone."""
    torch.manual_seed(case.seed)
    config = config_from_options(FinetuneConfig, {"size": case.size, "for_inference": for_inference})
    reader = JetReader(REQUIRED_GROUPS, trim=not for_inference)
    return JetClassifier(reader, FEATURES, CLASSES, config).eval()


@torch.inference_mode()
def predict(network: JetClassifier, batch: dict[str, Tensor]) -> Any:
    return network(*(batch[name] for name in REQUIRED_GROUPS))


def open_session(network: JetClassifier, batch: dict[str, Tensor]) -> Any:
    """Open the network for one core, as `weaver --export-onnx` writes it.

    Raises:
        UserError: onnx or onnxruntime is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise UserError("this needs onnx and onnxruntime: pip install 'hepjepa-weaver[onnx]'") from error
    axes = {name: {0: "N", 2: "n_pf"} for name in REQUIRED_GROUPS} | {"softmax": {0: "N"}}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    twice = tuple(torch.cat([batch[name]] * 2) for name in REQUIRED_GROUPS)  # a batch of one would become a fixed size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        torch.onnx.export(
            network, twice, str(path), input_names=list(REQUIRED_GROUPS), output_names=["softmax"],
            dynamic_axes=axes, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
        return onnxruntime.InferenceSession(str(path), options)
