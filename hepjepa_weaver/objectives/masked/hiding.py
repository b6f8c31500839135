"""A batch of jets with a part of each masked: the start of every objective that predicts masked particles."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.model.rank_embedding import pt_ranks
from hepjepa_weaver.objectives.masked.masking import Masking, Masks
from hepjepa_weaver.particle_transformer.pairs import Pairs, real_pairs


@dataclass(frozen=True)
class HiddenView:
    """N jets sorted by their number of particles, longest first, each with a visible and a masked part.

    Attributes:
        jets: the whole jets, P particles; only a teacher may see them.
        masks: which particles of `jets` are in `context` and in `hidden`.
        context: the K visible particles, without a trace of the others.
        context_pairs: pairs of the visible particles.
        hidden: the T particles to predict.
        order: (N,), on the host: the batch's place of each jet.
    """

    jets: Jets
    masks: Masks
    context: Jets
    context_pairs: Pairs
    hidden: Jets
    order: Tensor

    def unturned(self) -> Jets:
        """Return the T particles to predict as they stand in the whole jet, if the context was turned against it."""
        return self.jets.gather(self.masks.is_target, self.masks.num_target)

    def jet_ranks(self) -> tuple[Tensor, Tensor]:
        """Return the pT ranks in the whole jet of the context (N, K) and of the hidden particles (N, T)."""
        parts = (self.context, self.hidden)
        ranks = pt_ranks(*(torch.cat(of, dim=1) for of in ([p.pt() for p in parts], [p.is_real for p in parts])))
        return ranks[:, : self.context.is_real.size(1)], ranks[:, self.context.is_real.size(1) :]


def hide(jets: Jets, masking: Masking, turned: Jets | None = None, asked: Jets | None = None) -> HiddenView:
    """Mask a part of each jet.

    Args:
        jets: the jets.
        masking: draws the masks.
        turned: the same particles in another orientation, for context and prediction; None stands for `jets`.
        asked: the same particles in the orientation of the context, with features that only `hidden` has; None stands
            for those of the context.
    """
    masks = masking(jets)
    order = jets.by_length()
    jets, masks = jets.reordered(order), masks.reordered(order)
    seen = jets if turned is None else turned.reordered(order)
    complete = seen if asked is None else asked.reordered(order)
    context = seen.gather(masks.is_context, masks.num_context)
    return HiddenView(
        jets=jets,
        masks=masks,
        context=context,
        context_pairs=real_pairs(context),
        hidden=complete.gather(masks.is_target, masks.num_target),
        order=order,
    )
