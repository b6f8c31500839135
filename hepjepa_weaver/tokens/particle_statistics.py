"""What a sample of training particles says of their features: quantiles, and clusters by k-means.

Quantiles map a feature to a standard normal distribution and back [MPMv2 2409.12589]. Clusters are targets of masked
particles [MPM 2401.13537, section 4.3; MPMv2].

Shapes: L particles, F features, Q quantiles, K clusters.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.tokens.codebook import nearest

NUM_QUANTILES = 500
"""Number of quantiles of each feature [MPMv2 2409.12589]."""
FARTHEST = 5.0
"""Standard deviations to which normal values are cut."""
REDUNDANT = ("part_e_log", "part_logptrel", "part_logerel", "part_deltaR")
"""Features that follow from pT, Δη, Δφ and from the whole jet; clusters and densities leave them out."""
KMEANS_BATCH = 4096


class ParticleStatistics(nn.Module):
    """Quantiles of the continuous features of particles, and cluster centres of those that are independent.

    Args:
        columns: columns of the data config.
        config: what was fitted.

    Attributes:
        knots: (F, Q), values of each feature, as standardised in the data config, in ascending order.
        normals: (F, Q), the values of a standard normal distribution that belong to them.
        centres: (K, F'), centres of the clusters of the F' independent features.
        num_fitted: number of particles of the fit.
    """

    knots: Tensor
    normals: Tensor
    centres: Tensor
    num_fitted: Tensor

    def __init__(self, columns: FeatureColumns, config: ParticleFitConfig) -> None:
        super().__init__()
        self.config = config
        self.places = columns.continuous
        self.independent = independent_places(columns)
        number = len(self.places)
        self.register_buffer("knots", torch.zeros(number, NUM_QUANTILES))
        self.register_buffer("normals", torch.zeros(number, NUM_QUANTILES))
        self.register_buffer("centres", torch.zeros(config.clusters, len(self.independent)))
        self.register_buffer("num_fitted", torch.zeros((), dtype=torch.long))

    def fit(self, features: Tensor, seed: int) -> None:
        """Fit quantiles and clusters to particles.

        Args:
            features: (L, C), all features as standardised in the data config.
            seed: seed of the k-means.

        Raises:
            UserError: there are fewer particles than clusters, or a feature is not finite.
        """
        if len(features) < max(self.config.clusters, 2):
            raise UserError(f"{len(features)} particles cannot be put into {self.config.clusters} clusters: give more "
                            "jets, or lower --clusters")  # fmt: skip
        if not bool(features.isfinite().all()):
            raise UserError("particles have infinite features: look for infinite values in the input files")
        for row, place in enumerate(self.places):
            knots, normals = normal_scores(features[:, place].double().numpy(force=True))
            self.knots[row], self.normals[row] = torch.from_numpy(knots), torch.from_numpy(normals)
        values = self.scaled(features.T.unsqueeze(0), self.independent)[0].numpy(force=True)
        kmeans = MiniBatchKMeans(self.config.clusters, random_state=seed, batch_size=KMEANS_BATCH, n_init=1)
        # Ranks and other jobs share the cores: threads that wait for each other take several times as long as one.
        with threadpool_limits(1):
            self.centres.copy_(torch.from_numpy(kmeans.fit(values).cluster_centers_))
        self.num_fitted.fill_(len(features))

    def scaled(self, features: Tensor, places: list[int]) -> Tensor:
        """Return some features (N, P, F) of particles (N, C, P), in the scale of the clusters."""
        values = features[:, places].transpose(1, 2).float()
        return self.normal(values, places) if self.config.cluster_scale == "normal" else values

    def clusters(self, features: Tensor) -> Tensor:
        """Return the cluster (N, P) of particles with features (N, C, P): that of the nearest centre."""
        values = self.scaled(features, self.independent)
        return nearest(values.flatten(0, 1), self.centres).view(values.shape[:2])

    def normal(self, values: Tensor, places: list[int]) -> Tensor:
        """Return the normal values (..., F) of features (..., F), which stand at `places` of the C features."""
        return self._between(values, places, self.knots, self.normals).clamp(-FARTHEST, FARTHEST)

    def original(self, normal: Tensor, places: list[int]) -> Tensor:
        """Return the features (..., F) of normal values (..., F); it is the inverse of `normal`."""
        return self._between(normal, places, self.normals, self.knots)

    def _between(self, values: Tensor, places: list[int], start: Tensor, end: Tensor) -> Tensor:
        """Interpolate from the ascending knots `start` (F, Q) to `end` (F, Q), and beyond along the last pieces.

        A GPU gets no question that the host has to wait for. A feature that is the same for all particles stays at the
        one value of `end`.
        """
        before, after = (torch.stack([table[self.places.index(place)] for place in places]) for table in (start, end))
        flat = values.movedim(-1, 0).flatten(1).contiguous()
        first, last = ends_of_pieces(before)
        left = torch.searchsorted(before, flat) - 1
        left = torch.maximum(torch.minimum(left, last), first)
        (low, high), (below, above) = ((table.gather(1, left), table.gather(1, left + 1)) for table in (before, after))
        slope = (above - below) / torch.where(high > low, high - low, 1)
        return (below + (flat - low) * slope).view(len(places), *values.shape[:-1]).movedim(0, -1)


def independent_places(columns: FeatureColumns) -> list[int]:
    """Return the places of the continuous features that do not follow from others."""
    redundant = columns.where(*REDUNDANT)
    return [place for place in columns.continuous if place not in redundant]


def normal_scores(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Q knots of values (L,), and the values of a standard normal distribution at the same fractions.

    Equal knots, as of impact parameters that neutral particles do not have, share the mean of their fractions.
    """
    fractions = np.linspace(0.5, NUM_QUANTILES - 0.5, NUM_QUANTILES) / NUM_QUANTILES
    knots = np.quantile(values, fractions)
    _, which, counts = np.unique(knots, return_inverse=True, return_counts=True)
    means = np.bincount(which, fractions) / counts
    scores = torch.special.ndtri(torch.from_numpy(means[which])).numpy()
    return knots, scores if len(counts) > 1 else np.zeros_like(scores)  # without rounding, where all are the same


def ends_of_pieces(knots: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the last piece (F, 1) between ascending knots (F, Q) that has a length."""
    is_piece = (knots[:, 1:] > knots[:, :-1]).int()
    last = is_piece.size(1) - 1 - is_piece.flip(1).argmax(dim=1, keepdim=True)
    return is_piece.argmax(dim=1, keepdim=True), last
