"""The compared networks, each ready to run a number of steps in the loop that weaver would run."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.config.presets import PRESETS
from hepjepa_weaver.host.particle_fit import fitted, save_statistics
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.training.loop import batches
from hepjepa_weaver.weaver_api.command import command_line_parser, new_optimiser
from hepjepa_weaver.weaver_api.inputs import DataConfig
from hepjepa_weaver.weaver_api.training import import_module, train_classification
from speed import stock_part
from speed.setup import Case, Setup
from speed.synthetic_jets import Batch, EndlessLoader, make_batches

NAMES = {
    "stock": "ParT (weaver)",
    "part": "ParT (part.py)",
    "fast": "ParT (part.py -o fast True)",
    "pretrain": "HEP-JEPA pre-training",
    "plain": "HEP-JEPA, encoders as in weaver",
    "paper": "HEP-JEPA, preset paper",
    "jp": "HEP-JEPA, preset jp",
    "mpm": "masked particle modelling",
    "finetune": "HEP-JEPA fine-tuning",
    "inference": "encoder inference",
}
"""Contenders by the word that names them at the command line."""
REFERENCE = "stock"
WITHOUT_LAYOUT = ("stock", "part", "plain", "paper")
"""Contenders without `-o layout`, or to which it makes no difference worth a row."""
NETWORK_CONFIGS = {"part": "part", "fast": "part", "finetune": "hepjepa_finetune", "mpm": "mpm_pretrain"}
"""Network configs by contender; all others are pre-trained with `hepjepa_pretrain`."""
FITTED_PARTICLES = 20_000
"""Largest number of particles that clusters are fitted to."""
OPTIMIZER_OPTIONS = {"weight_decay": 0.05, "clip_grad_norm": 1.0}


def weaver_arguments(setup: Setup, batch_size: int) -> Any:
    """Return weaver's parsed command line, the same for all contenders."""
    # The loops check that the training files exist and start like ROOT files. Here they are not read.
    placeholder = setup.scratch / "jets.root"
    placeholder.write_bytes(b"root")
    words = ["--optimizer", "AdamW", "--start-lr", "1e-3", "--lr-scheduler", "none", "--num-epochs", "1000"]
    words += ["--batch-size", str(batch_size), "--data-train", str(placeholder), "--model-prefix", ""]
    words += ["--use-amp"] * (setup.precision == "bf16") + ["--compile"] * setup.compile
    return command_line_parser().parse_args(words)


def in_layouts(keys: Sequence[str], layouts: Sequence[str]) -> list[str]:
    """Return each contender once for each `-o layout`, as `key+layout`; the key alone is padded."""
    return [
        key if layout == "padded" else f"{key}+{layout}"
        for key in keys
        for layout in (("padded",) if key in WITHOUT_LAYOUT else layouts)
    ]


def predicts_composition(contender: str) -> bool:
    """Tell whether a contender is HEP-JEPA as it is by default, which needs clusters of particles."""
    return contender.partition("+")[0] in ("pretrain", "plain", "inference")


def name_of(key: str) -> str:
    """Return the name of a contender in tables."""
    name, _, layout = key.partition("+")
    return f"{NAMES[name]}, {layout}" if layout else NAMES[name]


class Training:
    """A network trained as weaver trains it, with its hooks, and weaver's defaults where it has none.

    Attributes:
        network: the model as its hook made it.
        model: the compiled network, if compiled; otherwise the network itself.
    """

    def __init__(self, hooks: ModuleType, loader: EndlessLoader, setup: Setup, args: Any, **options: Any) -> None:
        data_config = loader.dataset.config
        options |= {"use_amp": True} if args.use_amp else {}
        options |= {"compile_model": True} if args.compile else {}
        self.setup, self.args, self.loader = setup, args, loader
        self.network: Any = hooks.get_model(data_config, **options)[0].to(setup.device)
        self.loss = hooks.get_loss(data_config, **options)
        self.train: Callable[..., Any] = train_classification
        if hasattr(hooks, "get_train_fn"):
            self.train = hooks.get_train_fn(data_config, **options)
        init_opt = getattr(hooks, "init_opt", new_optimiser)
        fused = {"fused": True} if setup.fused else {}
        self.opt, self.scheduler = init_opt(args, self.network, **OPTIMIZER_OPTIONS, **fused)
        self.model: Any = torch.compile(self.network) if args.compile else self.network

    def run(self, steps: int) -> None:
        """Run an epoch of `steps` steps, without its progress bar."""
        with contextlib.redirect_stderr(io.StringIO()):
            self.train(
                self.model, self.loss, self.opt, self.scheduler, self.loader, self.setup.device, 0,
                steps_per_epoch=steps, extra_args={"args": self.args},
            )  # fmt: skip

    def trained_parameters(self) -> int:
        """Return the number of trained weights."""
        return sum(weight.numel() for weight in self.network.parameters() if weight.requires_grad)

    def release(self) -> None:
        """Free the gradients, which each step makes anew."""
        self.opt.zero_grad()

    def held_bytes(self) -> int:
        """Return the size of weights, buffers and the optimiser's state, which stay in memory between two steps."""
        state = (value for values in self.opt.state.values() for value in values.values())
        return size_of([*tensors_of(self.network), *(value for value in state if isinstance(value, Tensor))])


class Inference:
    """Embeddings of whole jets from a pre-training network.

    It is not compiled: weaver's --predict compiles nothing.
    """

    def __init__(self, hooks: ModuleType, loader: EndlessLoader, setup: Setup, args: Any, **options: Any) -> None:
        options |= {"use_amp": True} if args.use_amp else {}
        self.setup, self.loader = setup, loader
        self.network: Any = hooks.get_model(loader.dataset.config, **options)[0].to(setup.device).eval()

    def run(self, steps: int) -> None:
        """Embed `steps` batches."""
        with torch.no_grad(), self.setup.autocast():
            for inputs, _ in batches(self.loader, self.network, self.setup.device, steps):
                self.network(*inputs)

    def trained_parameters(self) -> int:
        """Return 0: nothing is trained."""
        return 0

    def release(self) -> None:
        """Do nothing: nothing is kept between two batches."""

    def held_bytes(self) -> int:
        """Return the size of weights and buffers."""
        return size_of(tensors_of(self.network))


Contender = Training | Inference


def build(keys: Sequence[str], case: Case, setup: Setup) -> dict[str, Contender]:
    """Build the contenders named by `keys`, on the same batches and each with the same random state."""
    data_config = DataConfig.load(str(setup.repository / "data_configs/JetClass/JetClass_full.yaml"))
    made = make_batches(case, data_config, setup.seed, pin=setup.device.type == "cuda")
    loader = EndlessLoader(data_config, made)
    args = weaver_arguments(setup, case.batch_size)
    contenders: dict[str, Contender] = {}
    clusters = str(saved_clusters(made, data_config, setup)) if any(map(predicts_composition, keys)) else ""
    for contender in keys:
        key, _, layout = contender.partition("+")
        torch.manual_seed(setup.seed)
        options = {**case.size.options, **({"layout": layout} if layout else {})}
        if key not in ("stock", "part", "fast", "finetune"):
            options |= {name: value for name, value in case.size.pretraining.items() if name.startswith("predictor_")}
        if predicts_composition(contender):
            options["particle_statistics"] = clusters
        if key in PRESETS:
            options["preset"] = key
        if key in ("finetune", "fast"):
            options["from_scratch" if key == "finetune" else "fast"] = True
        if key == "plain":
            options["target_layers"] = "last"  # weaver's forward pass gives no others
        kind = Inference if key == "inference" else Training
        contenders[contender] = kind(load_hooks(key, setup), loader, setup, args, **options)
        if key == "plain":
            use_weavers_forward(contenders[contender].network)
    return contenders


def saved_clusters(batches: Sequence[Batch], data_config: DataConfig, setup: Setup) -> Path:
    """Return a file of clusters of the particles of these batches, for the composition that HEP-JEPA predicts."""
    reader = JetReader(data_config.input_names, columns=feature_columns(data_config))
    parts = []
    for inputs, _, _ in batches:
        jets = reader(*(inputs[name] for name in data_config.input_names))
        parts.append(jets.features.transpose(1, 2)[jets.is_real])
    particles = torch.cat(parts)[:FITTED_PARTICLES]
    config = ParticleFitConfig()
    config = replace(config, clusters=min(config.clusters, len(particles)))
    path = setup.scratch / "particles.pt"
    save_statistics(fitted([particles], data_config, config, setup.seed), path)
    return path


def use_weavers_forward(jepa: Jepa) -> None:
    """Let both encoders take weaver's own forward pass; the remaining difference to ParT is the cost of the method."""
    for encoder in (jepa.context_encoder, jepa.target_encoder):
        encoder.forward = plain_forward(encoder)  # type: ignore[method-assign]


def plain_forward(encoder: ParTEncoder) -> Callable[..., EncodedJets]:
    """Return the encoder's `forward_plain`, which computes its own pairs.

    Computing the other pairs as well takes a few per cent of a step.
    """
    return lambda jets, _pairs, _layer_mean=None, **_: encoder.forward_plain(jets)


def load_hooks(key: str, setup: Setup) -> ModuleType:
    """Load the network config of a contender by path, as weaver does."""
    if key == "stock":
        return stock_part
    name = NETWORK_CONFIGS.get(key, "hepjepa_pretrain")
    module: ModuleType = import_module(str(setup.repository / f"network_configs/{name}.py"))
    return module


def tensors_of(network: Any) -> Iterator[Tensor]:
    """Yield parameters and buffers."""
    yield from network.parameters()
    yield from network.buffers()


def size_of(tensors: Sequence[Tensor] | Iterator[Tensor]) -> int:
    """Return the size of all these tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
