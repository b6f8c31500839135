"""Training of a small classifier in this process: a fixed number of steps, the same result for the same seed.

Shapes: N jets, K classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.classifier_inputs import ParticleInputs, standardised
from hepjepa_weaver.fidelity.classifier_networks import build_network
from hepjepa_weaver.fidelity.particles import Floats, Ints
from hepjepa_weaver.runtime.devices import usable_device

TEST_BATCH = 512
MAX_NORM = 5.0


@dataclass(frozen=True)
class TrainingPlan:
    """How a classifier is trained: AdamW with a one-cycle learning rate.

    Attributes:
        network: `transformer` or `particle_flow`.
        steps: number of optimiser steps.
        rate: largest learning rate.
        batch_size: jets a step.
        seed: seed of weights and batches.
        device: where torch computes, such as `cpu` or `cuda`.
    """

    network: str = "transformer"
    steps: int = 500
    rate: float = 1e-3
    batch_size: int = 128
    seed: int = 0
    device: str = "cpu"


def train_and_score(
    train: ParticleInputs, labels: Ints, tests: list[ParticleInputs], num_classes: int, plan: TrainingPlan
) -> list[Floats]:
    """Train a classifier and return the probabilities (N, K) of the jets of each of `tests`.

    Global random numbers of torch are as before afterwards.

    Raises:
        UserError: there is no such network or device, or no jet to train on.
    """
    device = usable_device(plan.device)
    if not len(train):
        raise UserError("no jets to train a classifier on: give more jets")
    train, *scaled = standardised(train, *tests)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = build_network(plan.network, num_classes, train.codes).to(device)
    _train(network, train, labels, plan, device)
    return [_score(network, jets, device) for jets in scaled]


def _train(network: nn.Module, jets: ParticleInputs, labels: Ints, plan: TrainingPlan, device: torch.device) -> None:
    optimiser = torch.optim.AdamW(network.parameters(), plan.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=plan.steps + 1)
    loss_of, rng = nn.CrossEntropyLoss(), np.random.default_rng(plan.seed)
    targets = torch.from_numpy(labels).to(device)
    network.train()
    queue = np.zeros(0, np.int64)
    for _ in tqdm(range(plan.steps), desc=f"train {plan.network}", unit="step"):
        while len(queue) < plan.batch_size:
            queue = np.concatenate([queue, rng.permutation(len(jets))])
        chosen, queue = queue[: plan.batch_size], queue[plan.batch_size :]
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(network(*jets.padded(chosen, device)), targets[torch.from_numpy(chosen).to(device)])
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), MAX_NORM)
        optimiser.step()
        schedule.step()


def _score(network: Any, jets: ParticleInputs, device: torch.device) -> NDArray[np.float64]:
    network.eval()
    pieces = np.array_split(np.arange(len(jets)), max(-(-len(jets) // TEST_BATCH), 1))
    with torch.no_grad():
        scores = [network(*jets.padded(piece, device)).softmax(dim=1).double().cpu() for piece in pieces if len(piece)]
    return torch.cat(scores).numpy() if scores else np.zeros((0, 0))
