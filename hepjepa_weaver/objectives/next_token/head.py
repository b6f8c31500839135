"""From states to the next code: causal blocks, one linear layer, and how well it does by position.

Shapes: N jets, P particles, D width, K codes; code K is the stop token. L predicted tokens of a batch.
"""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.objectives.linear_cross_entropy import CrossEntropy, linear_cross_entropy
from hepjepa_weaver.objectives.masked.code_losses import CodeLosses, mean_losses
from hepjepa_weaver.particle_transformer.blocks import transform_all
from hepjepa_weaver.particle_transformer.cache import LayerCache, transform_next
from hepjepa_weaver.particle_transformer.in_groups import through_groups
from hepjepa_weaver.runtime.ranks import summed_over_processes
from hepjepa_weaver.weaver_api.networks import Block

POSITIONS = (0, 1, 2, 3, 10, 20, 30, 40, 50, 100)
"""Positions at which accuracy and loss are logged [2512.04149, code]."""


class TokenHead(nn.Module):
    """Causal blocks and a linear layer to K codes and the stop token.

    Args:
        width: width D of the states.
        num_codes: number K of codes.
        num_layers: number of blocks.
        num_heads: number of attention heads.
        p: dropout probability in the blocks.
        longest: largest number of particles of a jet.
    """

    hits: Tensor
    entropies: Tensor
    totals: Tensor
    counts: Tensor
    stop_share: Tensor

    def __init__(self, width: int, num_codes: int, num_layers: int, num_heads: int, p: float, longest: int) -> None:
        super().__init__()
        self.stop = num_codes
        self.blocks = nn.ModuleList(
            Block(embed_dim=width, num_heads=num_heads, dropout=p, attn_dropout=p, activation_dropout=p)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(width) if num_layers else nn.Identity()
        self.to_codes = nn.Linear(width, num_codes + 1)
        for name, size in (("hits", longest + 1), ("entropies", longest + 1), ("totals", longest + 1),
                           ("counts", num_codes + 1), ("stop_share", 1)):  # fmt: skip
            self.register_buffer(name, torch.zeros(size, dtype=torch.float64), persistent=False)

    def states(self, x: Tensor, num_tokens: Tensor) -> Tensor:
        """Return states (N, T, D) behind the blocks from those in front of them.

        Args:
            x: (N, T, D).
            num_tokens: (N,), number of tokens per jet, on the host.
        """
        if not len(self.blocks):
            return x
        slots = torch.arange(x.size(1), device=x.device)
        is_token = slots < num_tokens.to(x.device).unsqueeze(1)
        return through_groups(x, is_token, num_tokens, True, partial(transform_all, self.blocks))

    def logits(self, states: Tensor) -> Tensor:
        """Return the scores (..., K + 1) of states (..., D) from `states`."""
        scores: Tensor = self.to_codes(self.norm(states)).float()
        return scores

    def forward(self, x: Tensor, codes: Tensor, num_real: Tensor, ends: Tensor) -> CodeLosses:
        """Return the losses of the tokens behind each state.

        Args:
            x: (N, P + 1, D), states of the start token and of the particles.
            codes: (N, P), negative for padding, which stands behind the particles.
            num_real: (N,), number of particles per jet, on the host.
            ends: (N,), True for a jet that ends after its last particle, False for one that was cut there.
        """
        states = self.states(x, num_real + 1)
        wanted, is_wanted = self.targets(codes, ends)
        rows = self.norm(states[is_wanted])
        found = linear_cross_entropy(self.to_codes, rows, wanted[is_wanted])
        if not self.training:
            self._count(is_wanted, wanted[is_wanted], found, self._chance_to_stop(rows, found))
        return mean_losses(found)

    def targets(self, codes: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Return the token (N, P + 1) that follows each state, and where there is one."""
        is_real = codes >= 0
        codes = F.pad(codes, (0, 1), value=-1)
        last = is_real.sum(dim=1)
        slots = torch.arange(codes.size(1), device=codes.device)
        is_stop = (slots == last.unsqueeze(1)) & ends.unsqueeze(1)
        wanted = torch.where(is_stop, self.stop, codes)
        return wanted, wanted >= 0

    def new_caches(self, num_jets: int, length: int) -> list[LayerCache]:
        """Return empty caches for jets of up to `length` particles."""
        return [LayerCache.empty(block, num_jets, length + 1, self.to_codes.weight) for block in self.blocks]

    def next_logits(self, x: Tensor, caches: list[LayerCache]) -> Tensor:
        """Return the scores (N, K + 1) of the token behind the next state (N, 1, D) of each jet."""
        for block, cache in zip(self.blocks, caches, strict=True):
            x = transform_next(block, x, cache)
        return self.logits(x[:, 0])

    def start_validation(self) -> None:
        """Start to count anew."""
        for buffer in (self.hits, self.entropies, self.totals, self.counts, self.stop_share):
            buffer.zero_()

    def has_counted(self) -> bool:
        """Tell whether a token was counted since `start_validation`, by any rank."""
        return bool(summed_over_processes(self.totals).sum() > 0)

    def summary(self, positions: Sequence[int] = POSITIONS) -> dict[str, float]:
        """Return accuracy and loss of the validation by position, the stop token's share, and the gain in nats.

        The gain is what the loss lies below the entropy of the tokens' own distribution, which a model without any
        context could reach.
        """
        hits, entropies, totals, counts, stop = (
            summed_over_processes(buffer)
            for buffer in (self.hits, self.entropies, self.totals, self.counts, self.stop_share)
        )
        number = totals.sum().clamp(min=1)
        share = counts / number
        loss = float(entropies.sum() / number)
        found = {
            "accuracy": float(hits.sum() / number),
            "gain_nats": float(torch.special.entr(share).sum()) - loss,
            "stop_share": float(stop / number),
            "stop_share_true": float(share[self.stop]),
        }
        for position in positions:
            if position < len(totals) and totals[position] > 0:
                found[f"accuracy_at_{position}"] = float(hits[position] / totals[position])
                found[f"loss_at_{position}"] = float(entropies[position] / totals[position])
        return found

    def _chance_to_stop(self, rows: Tensor, found: CrossEntropy) -> Tensor:
        """Return the probability (L,) of the stop token, from normed states (L, D) and their cross entropy."""
        scores = F.linear(rows, self.to_codes.weight[self.stop :], self.to_codes.bias[self.stop :]).squeeze(1)
        return (scores.detach().float() - found.log_sum).exp()

    def _count(self, is_wanted: Tensor, wanted: Tensor, found: CrossEntropy, stops: Tensor) -> None:
        position = torch.arange(is_wanted.size(1), device=wanted.device).expand_as(is_wanted)[is_wanted]
        for total, value in (
            (self.hits, found.hit), (self.entropies, found.each), (self.totals, torch.ones_like(found.each)),
        ):  # fmt: skip
            total.index_add_(0, position, value.double())
        self.counts += torch.bincount(wanted, minlength=len(self.counts))
        self.stop_share += stops.sum().double()
