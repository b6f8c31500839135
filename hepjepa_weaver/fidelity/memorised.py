"""Are generated jets copies of training jets?

Each generated jet is compared with its nearest neighbour among training jets and among as many test jets. Without
memory both are equally far away, and half of the generated jets are nearer to a training jet.

Shapes: N jets, L leading particles.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.particles import Floats, Ints, JetParticles

NUM_LEADING = 20
MIN_SPREAD = 1e-9
"""Smallest standard deviation to divide by: a column without spread tells nothing."""


@dataclass(frozen=True)
class Memory:
    """Nearest neighbours of generated jets.

    Attributes:
        to_training: median distance to the nearest training jet, in standard deviations.
        to_test: median distance to the nearest test jet.
        nearer_to_training: fraction of generated jets nearer to a training jet; 0.5 without memory, ties count half.
        num_copies: number of generated jets whose leading particles are those of one of all the training jets.
        num_generated: number of generated jets.
        num_neighbours: number of training jets, and of test jets.
    """

    to_training: float
    to_test: float
    nearer_to_training: Measurement
    num_copies: int
    num_generated: int
    num_neighbours: int


def find_memory(
    generated: JetParticles,
    training: JetParticles,
    test: JetParticles,
    pool: JetParticles | None = None,
    seed: int = 0,
) -> Memory:
    """Compare generated jets with their nearest training and test jets.

    As many training as test jets are taken, drawn at random from the larger sample. Without memory, each neighbour is
    a training jet by chance. The fraction f then has the error sqrt(f (1 - f) Σ m²) / N, where m generated jets share
    a neighbour. It is the binomial error if none is shared.

    Args:
        generated: generated jets.
        training: training jets, of the same mixture of classes as `test`.
        test: real jets that the generator did not see.
        pool: all training jets, among which copies are looked for. None stands for `training`.
        seed: seed of the draw.
    """
    number = min(len(training), len(test))
    rng = np.random.default_rng(seed)
    drawn = [jets[np.sort(rng.permutation(len(jets))[:number])] for jets in (training, test)]
    ours, *theirs = (leading_particles(jets) for jets in (generated, *drawn))
    known = {row.tobytes() for row in leading_particles(training if pool is None else pool)}
    spread = np.maximum(np.std(np.concatenate(theirs), axis=0), MIN_SPREAD)
    (to_training, of_training), (to_test, of_test) = (_nearest(ours / spread, others / spread) for others in theirs)
    nearer = float(np.mean((to_training < to_test) + 0.5 * (to_training == to_test)))
    shared = np.bincount(np.where(to_training < to_test, of_training, number + of_test))
    error = float(np.sqrt(nearer * (1 - nearer) * np.sum(shared**2))) / len(ours)
    return Memory(
        float(np.median(to_training)),
        float(np.median(to_test)),
        Measurement(nearer, error),
        sum(row.tobytes() in known for row in ours),
        len(ours),
        number,
    )


def leading_particles(jets: JetParticles, number: int = NUM_LEADING) -> Floats:
    """Return pT fraction, Δη and Δφ of the L leading particles as one row per jet (N, 3 L), padded with zeros."""
    owner = jets.owner
    order = np.lexsort((-jets.pt, owner))
    place = np.arange(len(owner)) - jets.starts[owner]
    is_leading = place < number
    chosen, row, column = order[is_leading], owner[is_leading], place[is_leading]
    total = np.maximum(jets.per_jet(jets.pt), np.finfo(np.float64).tiny)
    table = np.zeros((len(jets), number, 3))
    table[row, column, 0] = jets.pt[chosen] / total[row]
    table[row, column, 1] = jets.deta[chosen]
    table[row, column, 2] = jets.dphi[chosen]
    return table.reshape(len(jets), -1) + 0.0  # -0 becomes 0: equal rows have equal bytes


def _nearest(ours: Floats, others: Floats) -> tuple[Floats, Ints]:
    """Return the distance (N,) of each row to its nearest one among the others, and the index of that one (N,).

    The search rounds, so that the distance is computed again. That of a copy is then 0.
    """
    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(others).kneighbors(ours, return_distance=False)
    nearest = np.asarray(found[:, 0], np.int64)
    return np.asarray(np.linalg.norm(ours - others[nearest], axis=1), np.float64), nearest
