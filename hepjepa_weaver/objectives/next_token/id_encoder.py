"""Causal transformer over codes, as published for OmniJet-α: codes in, the norm after each residual, no positions.

Shapes: N jets, P particles, D width, K codes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.objectives.next_token.start_token import StartToken
from hepjepa_weaver.particle_transformer.blocks import attention_on_cpu, attention_on_gpu
from hepjepa_weaver.particle_transformer.cache import LayerCache
from hepjepa_weaver.particle_transformer.dropout import dropout
from hepjepa_weaver.particle_transformer.in_groups import through_groups


class IdBlock(nn.Module):
    """Attention and a feed-forward part of four times the width, each followed by residual and norm [2403.05618]."""

    def __init__(self, width: int, num_heads: int, p: float) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.p = num_heads, width // num_heads, p
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        self.norm_attention, self.norm_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.hidden = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Apply the block to tokens (N, P, D), with a bias (N, 1, P or 1, P) of the attention."""
        query, key, value = self._heads(x)
        mix = attention_on_cpu if x.device.type == "cpu" else attention_on_gpu
        return self._after(x, mix(query, key, value, bias, self.p if self.training else 0.0))

    def next_token(self, x: Tensor, cache: LayerCache) -> Tensor:
        """Apply the block to the next token (N, 1, D) of each jet; the cache holds those before."""
        query, key, value = self._heads(x)
        keys, values = cache.add(key, value)
        weights = (query @ keys.transpose(2, 3) * self.head_dim**-0.5).softmax(dim=3)
        return self._after(x, weights @ values)

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        heads = self.project_in(x).view(*x.shape[:2], 3, self.num_heads, self.head_dim)
        query, key, value = heads.permute(2, 0, 3, 1, 4).contiguous()
        return query, key, value

    def _after(self, x: Tensor, mixed: Tensor) -> Tensor:
        attended = self.project_out(mixed.transpose(1, 2).reshape(x.shape))
        x = self.norm_attention(x + dropout(attended, self.p, self.training))
        y: Tensor = self.norm_hidden(x + dropout(self.hidden(x), self.p, self.training))
        return y


class IdEncoder(nn.Module):
    """Codes of jets, with a start token in front, to states of width D.

    Args:
        num_codes: number K of codes.
        width: width D.
        num_layers: number of blocks.
        num_heads: number of attention heads.
        p: dropout probability.
        num_classes: number of classes that the start token may tell; 0 for none.
        with_totals: the start token tells the totals of the jet.
    """

    def __init__(
        self, num_codes: int, width: int, num_layers: int, num_heads: int, p: float, num_classes: int = 0,
        with_totals: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.width = width
        self.start = StartToken(width, num_classes, with_totals)
        self.embed = nn.Embedding(num_codes, width)
        self.blocks = nn.ModuleList(IdBlock(width, num_heads, p) for _ in range(num_layers))

    def forward(
        self, codes: Tensor, num_real: Tensor, label: Tensor | None = None, is_causal: bool = True,
        added: Tensor | None = None, totals: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Return states (N, P + 1, D): of the start token and of each particle; those of padding mean nothing.

        Args:
            codes: (N, P), negative for padding, which stands behind the particles.
            num_real: (N,), number of particles per jet, on the host.
            label: (N,), class of each jet, if the start token tells it.
            is_causal: let each token see itself and those before it only.
            added: (N, P, D), added to the embedding of each code; None for nothing.
            totals: (N, 4), totals of the jets, if the start token tells them.
        """
        start = self.start(len(codes), label, totals)
        embedded = self.embed(codes.clamp(min=0))
        x = torch.cat([start, embedded if added is None else embedded + added], dim=1)
        is_token = F.pad(codes >= 0, (1, 0), value=True)
        return through_groups(x, is_token, num_real + 1, is_causal, self._through_blocks)

    def _through_blocks(self, tokens: Tensor, bias: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens, bias)
        return tokens

    def new_caches(self, num_jets: int, length: int) -> list[LayerCache]:
        """Return empty caches for jets of up to `length` particles."""
        return [LayerCache.empty(block, num_jets, length + 1, self.embed.weight) for block in self.blocks]

    def next_token(self, x: Tensor, caches: list[LayerCache]) -> Tensor:
        """Return the states (N, 1, D) of the next embedded token (N, 1, D) of each jet."""
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block.next_token(x, cache)  # type: ignore[operator]
        return x
