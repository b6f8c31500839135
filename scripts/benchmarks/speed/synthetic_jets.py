"""Batches of random jets in memory: no reading of files is timed, and every contender sees the same jets."""

import itertools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepjepa_weaver.batch.reader import num_features
from hepjepa_weaver.common.errors import UserError
from speed.setup import Case, JetKind

WEAVER_SLOTS = 128
"""Length to which the JetClass data configs pad."""
MEAN_MULTIPLICITY, MULTIPLICITY_WIDTH = 41.0, 11.0
"""Mean and standard deviation of the number of particles of JetClass's H→bb jets.

In 1000 of them they are 41.2 and 11.2, with numbers from 20 to 90. A gamma distribution with these values has the long
tail that gives the longest jet of a batch.
"""
NUM_BATCHES = 4

Batch = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]


def draw_multiplicities(kind: JetKind, num_jets: int, particles: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return numbers of particles (N,): `particles` in all jets, or drawn as in JetClass and cut at `particles`."""
    if kind == "full":
        return np.full(num_jets, particles)
    shape = (MEAN_MULTIPLICITY / MULTIPLICITY_WIDTH) ** 2
    drawn = rng.gamma(shape, MEAN_MULTIPLICITY / shape, num_jets).round().astype(np.int64)
    return drawn.clip(1, particles)


def make_groups(counts: NDArray[np.int64], slots: int, features: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """Return weaver's inputs for jets of `counts` (N,) particles, in P `slots`.

    These are pf_points (N, 2, P), pf_features (N, C, P), pf_vectors (N, 4, P) in GeV and pf_mask (N, 1, P). They are
    padded as weaver pads: by wrapping, the mask by zeros.

    Particles are massless, of falling pT, around a jet axis at η = φ = 0. Features have mean 0 and variance 1. The last
    two are Δη and Δφ, as in the JetClass data configs.
    """
    num_jets = len(counts)
    eta, phi = rng.normal(0, 0.2, (2, num_jets, slots))
    pt = np.sort(rng.exponential(18, (num_jets, slots)) + 0.5)[:, ::-1]
    points = np.stack([eta, phi], axis=1)
    vectors = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), pt * np.cosh(eta)], axis=1)
    standardised = rng.standard_normal((num_jets, features - 2, slots))
    groups = {
        "pf_points": points,
        "pf_features": np.concatenate([standardised, points], axis=1),
        "pf_vectors": vectors,
    }
    slot = np.arange(slots)
    wrapped = (slot % counts[:, None])[:, None, :]
    padded = {name: np.take_along_axis(x, wrapped, axis=2) for name, x in groups.items()}
    padded["pf_mask"] = (slot < counts[:, None])[:, None, :]
    return {name: torch.from_numpy(x.astype(np.float32)) for name, x in padded.items()}


def make_batches(case: Case, data_config: Any, seed: int, pin: bool = False) -> list[Batch]:
    """Return a few different batches of inputs, labels and (no) observers, as weaver's loader yields them.

    Args:
        case: encoder, jets and batch size.
        data_config: weaver's data config.
        seed: seed of the jets.
        pin: use page-locked memory, as weaver's loader does for a GPU.

    Raises:
        UserError: jets of the kind jetclass have fewer slots than the case has particles.
    """
    if case.jets == "jetclass" and case.particles > WEAVER_SLOTS:
        raise UserError(f"--particles is {case.particles}: jets of the kind jetclass have {WEAVER_SLOTS} slots")
    slots = case.particles if case.jets == "full" else WEAVER_SLOTS
    batches: list[Batch] = []
    for index in range(NUM_BATCHES):
        rng = np.random.default_rng([seed, index])
        counts = draw_multiplicities(case.jets, case.batch_size, case.particles, rng)
        groups = make_groups(counts, slots, num_features(data_config), rng)
        labels = torch.from_numpy(rng.integers(0, len(data_config.label_value), case.batch_size))
        if pin:
            groups, labels = {name: x.pin_memory() for name, x in groups.items()}, labels.pin_memory()
        batches.append((groups, {data_config.label_names[0]: labels}, {}))
    return batches


class EndlessLoader:
    """A substitute for weaver's data loader with the same batches over and over; `steps_per_epoch` stops the loops."""

    def __init__(self, data_config: Any, batches: list[Batch]) -> None:
        self.batches = batches
        self.dataset = SimpleNamespace(config=data_config, _init_file_dict={}, _sampler_options={"reweight": False})

    def __iter__(self) -> Iterator[Batch]:
        return itertools.cycle(self.batches)
