"""Pairs of particles and their features, for the real particles of a batch only."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets, sent_to

NUM_PAIR_FEATURES = 4
EPS = 1e-8
CPU_CHUNK = 16_384
"""Number of pairs computed at a time on a CPU; their intermediate results stay in the cache."""


@dataclass(frozen=True)
class Pairs:
    """The L pairs of particles of N jets, jet by jet; i, j stands for j, i too, and i, i is a pair.

    Attributes:
        jet: (L,), jet of the pair.
        first: (L,), slot of the first particle.
        second: (L,), slot of the second particle, first >= second.
        features: (L, 4), ln kT, ln z, ln ΔR and ln m² as in ParT (2202.03772, eq. 3), in GeV.
        per_jet: (N,), number of pairs per jet, on the host.
    """

    jet: Tensor
    first: Tensor
    second: Tensor
    features: Tensor
    per_jet: Tensor


def number_of_pairs(num_particles: Tensor) -> Tensor:
    """Return the number of unordered pairs of `num_particles` (N,), pairs of a particle with itself included."""
    return num_particles * (num_particles + 1) // 2


@torch.no_grad()
def real_pairs(jets: Jets) -> Pairs:
    """Return all pairs of real particles of a batch.

    This is not compiled in any layout. Compilers fuse products and sums, and m² of light pairs, which is all rounding
    error, would be another.
    """
    device, length = jets.vectors.device, jets.vectors.size(2)
    per_jet = number_of_pairs(jets.num_real)
    total = int(per_jet.sum())
    start = sent_to(device, per_jet.cumsum(0) - per_jet)
    jet = torch.repeat_interleave(sent_to(device, per_jet), output_size=total)
    # Pairs are ordered by their later particle: those of n particles are the first n (n + 1) / 2 of any longer jet.
    first, second = torch.tril_indices(length, length, device=device)
    rank = torch.arange(total, device=device) - start.index_select(0, jet)
    first, second = first.index_select(0, rank), second.index_select(0, rank)
    return Pairs(jet, first, second, pair_features(jets.vectors, jet, first, second), per_jet)


def pair_features(vectors: Tensor, jet: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Compute features (L, 4) of pairs of particles of `vectors` (N, 4, P) in GeV, as weaver's `pairwise_lv_fts_pp`.

    Logarithms of products are sums of logarithms taken once per particle: three logarithms per pair instead of four.
    """
    particles = particle_quantities(vectors)
    features = vectors.new_empty(len(jet), NUM_PAIR_FEATURES)
    for piece in pieces(features):
        start = jet[piece] * vectors.size(2)
        a, b = (particles.index_select(1, start + slot[piece]) for slot in (first, second))
        write_features(a, b, features[piece])
    return features


def particle_quantities(vectors: Tensor) -> Tensor:
    """Compute px, py, pz, E, pT, ln pT, rapidity and φ of all particles of jets (N, 4, P), as (8, N P).

    The rapidity is weaver's where that is defined. For a particle with less energy than momentum it is finite, too.
    """
    px, py, pz, energy = vectors.transpose(0, 1).flatten(1)
    pt = (px.square() + py.square()).sqrt()
    rapidity = 0.5 * torch.log((1 + 2 * pz / (energy - pz).clamp(min=1e-20)).clamp(min=1e-20))
    return torch.stack([px, py, pz, energy, pt, pt.log(), rapidity, torch.atan2(py, px)])


def write_features(a: Tensor, b: Tensor, out: Tensor) -> None:
    """Write the features of pairs to `out` (L, 4), from the quantities (8, L) of their particles."""
    ln_eps = math.log(EPS)
    total = a + b
    delta_phi = (a[7] - b[7] + math.pi) % (2 * math.pi) - math.pi
    ln_delta = ((a[6] - b[6]).square() + delta_phi.square()).log().mul_(0.5)
    ln_ptmin = torch.minimum(a[5], b[5])
    # Term by term: the order of a sum() may depend on the place in memory, and m² of light pairs is all rounding error.
    px2, py2, pz2, energy2 = total[:4].square()
    mass2 = energy2 - (px2 + py2 + pz2)
    out[:, 0] = (ln_ptmin + ln_delta).clamp_(min=ln_eps)
    out[:, 1] = (ln_ptmin - total[4].clamp(min=EPS).log()).clamp_(min=ln_eps)
    out[:, 2] = ln_delta.clamp_(min=ln_eps)
    out[:, 3] = mass2.clamp_(min=EPS).log()


def pieces(rows: Tensor) -> Iterator[slice]:
    """Split the first dimension into slices: of `CPU_CHUNK` rows on a CPU, a single one elsewhere."""
    size = CPU_CHUNK if rows.device.type == "cpu" else max(len(rows), 1)
    return (slice(start, start + size) for start in range(0, len(rows), size))
