"""A codebook: K vectors, each trained as the mean of the latent vectors that are nearest to it.

The library vector-quantize-pytorch has one, too. It writes all L K distances and a one-hot matrix of that size to
memory. With 8192 codes on a CPU a training step of a tokenizer then takes four times as long.

Shapes: L particles, d width of a latent vector, K codes.
"""

import torch
from torch import Tensor, nn

from hepjepa_weaver.config.tokenizer import QuantizerConfig
from hepjepa_weaver.runtime.precision import in_single_precision
from hepjepa_weaver.runtime.ranks import from_first_rank, summed_over_processes

CHUNK_FLOATS = (2**28, 2**16)
"""Number of distances computed at a time: on a GPU, and on a CPU, where they stay in the cache."""
KMEANS_ROUNDS = 10
SMALLEST_USE = 1e-5


class Codebook(nn.Module):
    """K vectors of width d [VQ-VAE 1711.00937; moving averages: VQ-VAE-2 1906.00446].

    Attributes:
        vectors: (K, d).
        use: (K,), moving average of the number of particles per batch that have each code.
        sums: (K, d), moving average of the sum of their latent vectors.
        has_started: whether the first batch has been seen.
    """

    vectors: Tensor
    use: Tensor
    sums: Tensor
    has_started: Tensor

    def __init__(self, size: int, config: QuantizerConfig) -> None:
        super().__init__()
        self.decay, self.dead_below, self.kmeans_start = config.codebook_decay, config.dead_below, config.kmeans_start
        self.is_learned = config.codebook_update == "gradient"
        vectors = torch.randn(size, config.latent_dim) / config.latent_dim
        if self.is_learned:
            self.vectors = nn.Parameter(vectors)
        else:
            self.register_buffer("vectors", vectors)
        self.register_buffer("use", torch.zeros(size))
        self.register_buffer("sums", torch.zeros(size, config.latent_dim))
        self.register_buffer("has_started", torch.zeros((), dtype=torch.bool))

    def forward(self, latent: Tensor) -> Tensor:
        """Return the place (L,) of the vector nearest to each latent vector (L, d); in training, start with k means."""
        if self.training and not bool(self.has_started):
            self._start(latent.detach())
        return nearest(latent.detach(), self.vectors.detach())

    @torch.no_grad()
    def learn(self, latent: Tensor, index: Tensor) -> None:
        """Move the vectors towards their latent vectors (L, d), found at `index` (L,), and replace those that died."""
        counts, sums = counts_and_sums(latent, index, len(self.vectors))
        self.use.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        if not self.is_learned:
            is_used = (self.use > SMALLEST_USE).unsqueeze(1)
            means = self.sums / self.use.clamp(min=SMALLEST_USE).unsqueeze(1)
            self.vectors.copy_(torch.where(is_used, means, self.vectors))
        if self.dead_below > 0 and len(latent):
            self._replace_dead(latent)

    def _replace_dead(self, latent: Tensor) -> None:
        """Put random latent vectors (L, d) in the place of codes that are hardly used."""
        lowest = self.dead_below * self.use.mean()
        is_dead = self.use < lowest
        rows = torch.randint(len(latent), is_dead.shape, device=latent.device)
        fresh = from_first_rank(latent[rows])
        mark = is_dead.unsqueeze(1)
        self.vectors.copy_(torch.where(mark, fresh, self.vectors))
        self.sums.copy_(torch.where(mark, fresh * lowest, self.sums))
        self.use.copy_(torch.where(is_dead, lowest, self.use))

    @torch.no_grad()
    def _start(self, latent: Tensor) -> None:
        """Start with the k means of latent vectors (L, d), or as it is without `kmeans_start`."""
        size = len(self.vectors)
        self.has_started.fill_(True)
        if not self.kmeans_start or not len(latent):
            self.use.fill_(1)
            self.sums.copy_(self.vectors)
            return
        rows = torch.randperm(len(latent), device=latent.device)[:size]
        if len(rows) < size:  # fewer particles than codes: some start as copies, and drift apart or die
            rows = torch.randint(len(latent), (size,), device=latent.device)
        vectors, counts = from_first_rank(latent[rows]), self.use
        for _ in range(KMEANS_ROUNDS):
            counts, sums = counts_and_sums(latent, nearest(latent, vectors), size)
            vectors = torch.where((counts > 0).unsqueeze(1), sums / counts.clamp(min=1).unsqueeze(1), vectors)
        self.vectors.copy_(vectors)
        self.use.copy_(counts.clamp(min=SMALLEST_USE))
        self.sums.copy_(vectors * self.use.unsqueeze(1))


def nearest(rows: Tensor, table: Tensor) -> Tensor:
    """Return the place (L,) in a table (K, d) of the vector nearest to each row (L, d)."""
    half_norm = table.square().sum(dim=1) / 2
    size = CHUNK_FLOATS[rows.device.type == "cpu"] // len(table) + 1
    starts = range(0, len(rows), size)
    with in_single_precision(rows):
        found = [torch.addmm(-half_norm, rows[start : start + size], table.T).argmax(dim=1) for start in starts]
    none = torch.zeros(0, dtype=torch.long, device=rows.device)
    return torch.cat([none, *found])


def counts_and_sums(latent: Tensor, index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return for each of K codes the number (K,) and the sum (K, d) of its latent vectors (L, d), over all ranks."""
    counts = torch.zeros(size, device=latent.device).index_add_(0, index, latent.new_ones(len(latent)))
    sums = torch.zeros(size, latent.size(1), device=latent.device).index_add_(0, index, latent)
    return summed_over_processes(counts), summed_over_processes(sums)


def rotated(latent: Tensor, vector: Tensor) -> Tensor:
    """Return the values of `vector` (L, d), with a gradient that reaches `latent` (L, d) rotated and scaled alike.

    [Rotation trick, 2410.06424, equation 5: the rotation is the product of two reflections.]
    """
    with torch.no_grad():
        length, wanted = (x.norm(dim=1, keepdim=True).clamp(min=1e-6) for x in (latent, vector))
        here, there = latent / length, vector / wanted
        middle = nn.functional.normalize(here + there, dim=1)
    turned = latent - 2 * middle * (middle * latent).sum(dim=1, keepdim=True)
    turned = turned + 2 * there * (here * latent).sum(dim=1, keepdim=True)
    scaled: Tensor = turned * (wanted / length)
    return vector + (scaled - scaled.detach())  # exact, also where a latent vector has no length to scale
