"""Knowledge of a mask token about the particle that it stands for."""

from torch import Tensor, nn


class PositionKnowledge(nn.Module):
    """Δη and Δφ of each masked particle, through a small MLP as in Point-JEPA (2404.16432)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, points: Tensor) -> Tensor:
        """Embed `points` (N, 2, T) as (N, T, width)."""
        embedded: Tensor = self.mlp(points.transpose(1, 2))
        return embedded
