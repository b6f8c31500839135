"""A batch of jets with a part of each hidden: what every objective that predicts hidden particles starts from."""

from dataclasses import dataclass

from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.objectives.masked.masking import Masking, Masks
from hepjepa_weaver.particle_transformer.pairs import Pairs, real_pairs


@dataclass(frozen=True)
class HiddenView:
    """N jets sorted by their number of particles, longest first, and what is seen and hidden of each.

    Attributes:
        jets: the whole jets, P particles; only a teacher may see them.
        masks: which particles of `jets` are in `context` and in `hidden`.
        context: the K visible particles, without a trace of the others.
        context_pairs: its pairs.
        hidden: the T particles to predict.
        order: (N,), on the host: the batch's place of each jet.
    """

    jets: Jets
    masks: Masks
    context: Jets
    context_pairs: Pairs
    hidden: Jets
    order: Tensor


def hide(jets: Jets, masking: Masking, turned: Jets | None = None) -> HiddenView:
    """Hide a part of each jet.

    Args:
        turned: the same particles in another orientation, in which they are seen and to be predicted.
    """
    masks = masking(jets)
    order = jets.by_length()
    jets, masks = jets.reordered(order), masks.reordered(order)
    seen = jets if turned is None else turned.reordered(order)
    context = seen.gather(masks.is_context, masks.num_context)
    return HiddenView(
        jets=jets,
        masks=masks,
        context=context,
        context_pairs=real_pairs(context),
        hidden=seen.gather(masks.is_target, masks.num_target),
        order=order,
    )
