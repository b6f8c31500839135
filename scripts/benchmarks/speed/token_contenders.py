"""What is timed of tokenizers and next-token models, each ready to run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hepjepa_weaver.generation.generator import load_generator
from hepjepa_weaver.generation.sampling import Sampling, draw_jets
from hepjepa_weaver.generation.steps import FeatureSteps, IdSteps, Steps
from hepjepa_weaver.objectives.next_token.decoded_particles import axis_of_totals
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds
from hepjepa_weaver.training.loop import batches
from hepjepa_weaver.weaver_api.inputs import DataConfig
from hepjepa_weaver.weaver_api.training import import_module
from speed.contenders import Training, load_hooks, weaver_arguments
from speed.setup import Case, Setup
from speed.synthetic_jets import EndlessLoader, make_batches
from speed.uncached import UncachedSteps

DATA_CONFIG = "data_configs/JetClass/JetClass_kin.yaml"
PRESETS = {"paper": {"num_layers": 3}, "hybrid": {}, "joint": {}}
UNCACHED_PARTS = 8
"""Part of the batch that is generated without a cache, which takes long."""


def build(case: Case, setup: Setup, codes: int, longest: int) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """Return what is timed, by name, and how many jets a run has."""
    data_config = DataConfig.load(str(setup.repository / DATA_CONFIG))
    loader = EndlessLoader(data_config, make_batches(case, data_config, setup.seed, pin=setup.device.type == "cuda"))
    args = weaver_arguments(setup, case.batch_size)
    size = {**case.size.options, **case.size.pretraining}
    make = partial(Training, loader=loader, setup=setup, args=args)
    tokenizer = make(_hooks("jet_tokenizer", setup), **_known(size, "jet_tokenizer", setup), codes=codes,
                     encoding="causal")  # fmt: skip
    tokenizer.run(2)  # the codebook starts with the first batch
    file = setup.scratch / "tokenizer.pt"
    torch.save(tokenizer.network.state_dict(), file)
    runs: dict[str, Callable[[], object]] = {"tokenizer, training": partial(tokenizer.run, setup.steps)}
    runs |= _tokenizer_runs(tokenizer, loader, setup)
    runs["ParT (weaver), training"] = partial(make(load_hooks("stock", setup), **case.size.options).run, setup.steps)
    jets = dict.fromkeys(runs, case.batch_size * setup.steps)
    for preset, more in PRESETS.items():
        options = _known({**size, **more}, "omnijet_pretrain", setup)
        options |= {"tokenizer": str(file), "preset": preset, "longest": longest}
        training = make(_hooks("omnijet_pretrain", setup), **options, token_head_heads=case.size.options["num_heads"])
        runs[f"{preset}, training"] = partial(training.run, setup.steps)
        jets[f"{preset}, training"] = case.batch_size * setup.steps
        if preset == "joint":
            continue
        path = setup.scratch / f"{preset}.pt"
        torch.save(training.network.state_dict(), path)
        for name, number, run in _generations(path, case.batch_size, longest, setup):
            runs[f"{preset}, {name}"], jets[f"{preset}, {name}"] = run, number
    return runs, jets


def _tokenizer_runs(tokenizer: Training, loader: EndlessLoader, setup: Setup) -> dict[str, Callable[[], object]]:
    network: Any = tokenizer.network

    def tokenized() -> list[torch.Tensor]:
        network.eval()
        with torch.no_grad():
            return [network(*inputs) for inputs, _ in batches(loader, network, setup.device, setup.steps)]

    codes = tokenized()

    def decoded() -> None:
        network.eval()
        for some in codes:
            network.tokenizer.particles(some)

    return {"tokenizing": tokenized, "decoding": decoded}


def _generations(path: Path, number: int, longest: int, setup: Setup) -> list[tuple[str, int, Callable[[], object]]]:
    """Return generation with and without a cache; every jet has `longest` particles, as no stop token is drawn."""
    model = load_generator(path, str(setup.device)).model
    device = setup.device

    def steps(count: int) -> Steps:
        if isinstance(model, NextTokenOfIds):
            return IdSteps(model, count, longest, None)
        return FeatureSteps(model, count, longest, None, axis_of_totals(None, count, device), None)

    def run(count: int, make: Callable[[int], Steps]) -> object:
        generator = torch.Generator(device).manual_seed(0)
        with torch.inference_mode():
            return draw_jets(NeverEnding(make(count)), count, longest, Sampling(), generator)

    few = max(number // UNCACHED_PARTS, 1)
    return [
        ("generating", number, partial(run, number, steps)),
        ("generating few", few, partial(run, few, steps)),
        ("generating few, no cache", few, partial(run, few, partial(UncachedSteps, model))),
    ]


class NeverEnding:
    """Steps whose stop token is never drawn."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.keep = steps, steps.keep

    def first(self) -> torch.Tensor:
        """Return the scores of the first token."""
        return _without_stop(self.steps.first())

    def after(self, codes: torch.Tensor) -> torch.Tensor:
        """Return the scores of the token behind the codes."""
        return _without_stop(self.steps.after(codes))


def _without_stop(scores: torch.Tensor) -> torch.Tensor:
    scores = scores.clone()
    scores[:, -1] = -torch.inf
    return scores


def _hooks(name: str, setup: Setup) -> Any:
    return import_module(str(setup.repository / f"network_configs/{name}.py"))


def _known(size: dict[str, Any], name: str, setup: Setup) -> dict[str, Any]:
    """Return the options of a size that a network has."""
    from hepjepa_weaver.config.describe import describe_options  # noqa: PLC0415

    known = {description.name for description in describe_options(_hooks(name, setup).network.options)}
    return {option: value for option, value in size.items() if option in known}
