"""The parts of a HEP-JEPA step, to time one by one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from hepjepa_weaver.config import MonitorConfig
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.particle_transformer.encode import Extra, Wanted, through_blocks
from hepjepa_weaver.particle_transformer.pair_embedding import embed_pairs
from hepjepa_weaver.particle_transformer.pairs import real_pairs
from hepjepa_weaver.training.epoch_log import EpochLog
from hepjepa_weaver.training.loop import batches
from speed.captured import Call, capture, detached
from speed.contenders import Training, build
from speed.setup import Case, Setup
from speed.split import Part, StepSplit, split_of_step

LOG_EVERY = MonitorConfig().log_every


def split_pretraining(case: Case, setup: Setup) -> StepSplit:
    """Time the parts of a step of HEP-JEPA pre-training."""
    training = build(["pretrain"], case, setup)["pretrain"]
    assert isinstance(training, Training)
    training.run(setup.warmup)
    return split_of_step(pretraining_parts(training), training.run, setup, training.release, LOG_EVERY)


def pretraining_parts(training: Training) -> list[Part]:
    """Return the parts that have a name of their own, on the first of the batches."""
    jepa: Jepa = training.network.train()
    inputs, _ = next(batches(training.loader, training.network, training.setup.device))
    jets = jepa.reader(*inputs)
    modules = {name: getattr(jepa, name) for name in ("context_encoder", "target_encoder", "predictor")}
    with training.setup.autocast():
        calls = capture(modules, lambda: jepa(*inputs))
        output = jepa.pretext_task(jets)
        losses = training.loss(output)
    log = EpochLog(None, LOG_EVERY)
    log.add(losses, len(jets.points))

    def monitor() -> None:
        measures = {**jepa.ranks(output), **jepa.spreads(output)}
        log.write(1, {"grad_norm": 0.0, "lr": 0.0, **measures, **jepa.monitors(output)})
        log.add(losses, len(jets.points))  # so that the next write has something to write

    context, target = calls["context_encoder"], calls["target_encoder"]

    return [
        Part("reading of the inputs", lambda: jepa.reader(*inputs)),
        Part("masking", lambda: jepa.masking(jets)),
        Part("pair features", lambda: [real_pairs(call.args[0]) for call in (target, context)]),
        Part("target encoder", lambda: without_gradient(target)),
        *(within(part, "target encoder") for part in encoder_parts(target, "target", training.setup)),
        Part("context encoder", context, backward=True),
        *(
            replace(part, within="context encoder", backward=True)
            for part in encoder_parts(context, "context", training.setup)
        ),
        Part("predictor", calls["predictor"], backward=True),
        Part("loss", lambda: training.loss(detached(output)).total, backward=True),
        Part(
            "optimiser, with gradient clipping",
            lambda: step_optimizer(training),
            prepare=lambda: make_gradients(training),
        ),
        Part("EMA", lambda: jepa.after_optimizer_step(1, None)),
        Part("logging: losses", lambda: log.add(losses, len(jets.points))),
        Part(f"logging: monitors, once in {LOG_EVERY} steps", monitor, every=LOG_EVERY),
    ]


def encoder_parts(call: Call, whose: str, setup: Setup) -> list[Part]:
    """Return pair embedding and blocks of an encoder, with the arguments of its call."""
    mod: Any = call.module.mod
    jets, pairs, *layers = call.args
    wanted = Wanted(bool(call.module.with_latent), layers[0] if layers else None)
    with torch.no_grad(), setup.autocast():
        tokens, bias = mod.embed(jets.features), embed_pairs(mod.pair_embed.embed, pairs.features)

    def blocks() -> Any:
        x, pair_bias = (t.detach().requires_grad_(torch.is_grad_enabled()) for t in (tokens, bias))
        return through_blocks(mod, x, pair_bias, jets, pairs, wanted, Extra())

    return [
        Part(f"pair embedding ({whose})", lambda: embed_pairs(mod.pair_embed.embed, pairs.features)),
        Part(f"blocks ({whose})", blocks),
    ]


def within(part: Part, whole: str) -> Part:
    """Return a piece of `whole`, without gradient."""
    return replace(part, within=whole, forward=lambda: without_gradient(part.forward))


def without_gradient(call: Callable[[], object]) -> object:
    with torch.no_grad():
        return call()


def make_gradients(training: Training) -> None:
    """Set random gradients, as the optimiser finds them after a backward pass."""
    for parameter in trained_parameters(training):
        parameter.grad = 1e-3 * torch.randn_like(parameter)


def step_optimizer(training: Training) -> None:
    """Do the work of the training loop from the gradients to the next forward pass."""
    torch.nn.utils.clip_grad_norm_(trained_parameters(training), training.opt._clip_grad_norm)
    training.opt.step()
    training.opt.zero_grad()


def trained_parameters(training: Training) -> list[torch.nn.Parameter]:
    return [parameter for parameter in training.network.parameters() if parameter.requires_grad]
