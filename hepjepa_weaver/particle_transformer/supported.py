"""A check that refuses a ParT whose blocks have parts that the forward pass of this folder does not compute."""

from typing import Any

from torch import nn

from hepjepa_weaver.weaver_api.changed import WeaverChanged

COMPUTED = {"pre_attn_norm", "attn", "post_attn_norm", "dropout", "pre_fc_norm", "fc1", "act", "act_dropout"}
COMPUTED |= {"post_fc_norm", "fc2"}
"""Modules of weaver's `Block` that `blocks.transform` applies."""
PASSED_OVER = {"ls1", "ls2", "drop_path1", "drop_path2", "fc1_g"}
"""Modules of a `Block` that are not applied, and therefore must be None or an Identity."""
SCALES = {"c_attn", "w_resid"}
"""Parameters of a `Block` that are applied; `c_mask` must be None."""
OF_ATTENTION = {"in_proj", "out_proj"}
PASSED_OVER_IN_ATTENTION = {"q_norm", "k_norm", "gate_proj"}


def check_supported(part: Any, trims: bool = False) -> None:
    """Check that this folder computes the whole of a ParT, every block included.

    Args:
        part: weaver's ParticleTransformer, version 1.
        trims: whether the ParT is to trim by itself, before what is computed here.

    Raises:
        WeaverChanged: the ParT has a part that is not computed.
    """
    if not hasattr(part, "_forward_aggregator"):
        raise WeaverChanged("has a ParT without `_forward_aggregator`, which makes the class token")
    if part.include_global_token or part.for_segmentation or not all(part.block_ids_with_attn_mask):
        raise WeaverChanged("has a ParT with a global token, for segmentation, or with blocks without pair bias")
    if part.trimmer.enabled and not trims:
        raise WeaverChanged("has a ParT that trims by itself, though `trim=False` was asked for")
    if part.embed.input_bn is None or not isinstance(part.embed.conv_embed, nn.Identity):
        raise WeaverChanged("has a ParT that embeds particles by convolutions, or without BatchNorm")
    if part.pair_embed is not None:
        check_pair_embedding(part.pair_embed)
    for block in [*part.blocks, *(part.cls_blocks or [])]:
        check_block(block)


def check_pair_embedding(pair_embed: Any) -> None:
    """Check that this folder computes one of weaver's `PairEmbed`s.

    Raises:
        WeaverChanged: the embedding has a part that is not computed.
    """
    if pair_embed.remove_self_pair or not pair_embed.is_symmetric or pair_embed.pairwise_input_dim:
        raise WeaverChanged("has a pair embedding without self-pairs, of ordered pairs, or with features from outside")
    wanted = (nn.Conv1d, nn.BatchNorm1d, nn.GELU)
    kinds = [type(layer) for layer in pair_embed.embed]
    layers = [nn.BatchNorm1d, *wanted * kinds.count(nn.Conv1d)]
    if kinds not in (layers, layers[:-1]):  # the last activation may be missing
        raise WeaverChanged(f"has a pair embedding of the layers {', '.join(kind.__name__ for kind in kinds)}")


def check_block(block: Any) -> None:
    """Check that this folder computes one of weaver's `Block`s.

    Raises:
        WeaverChanged: the block has a part that is not computed.
    """
    _check_children(block, COMPUTED, PASSED_OVER, "block")
    _check_children(block.attn, OF_ATTENTION, PASSED_OVER_IN_ATTENTION, "attention")
    given = {name for name, parameter in block.named_parameters(recurse=False) if parameter is not None}
    if given != SCALES:
        raise WeaverChanged(
            f"has ParT blocks with the parameters {', '.join(sorted(given))}, where {' and '.join(sorted(SCALES))} "
            "are computed"
        )
    if block.attn.headwise_attn_output_gate or block.attn.elementwise_attn_output_gate:
        raise WeaverChanged("has ParT blocks with gated attention, which is not computed")


def _check_children(module: nn.Module, computed: set[str], passed_over: set[str], what: str) -> None:
    children = {name: child for name, child in module._modules.items() if child is not None}
    active = {name for name, child in children.items() if not isinstance(child, nn.Identity)}
    unknown = active - computed
    if unknown:
        raise WeaverChanged(f"has ParT {what}s with {', '.join(sorted(unknown))}, which is not computed")
    missing = computed - children.keys()
    if missing:
        raise WeaverChanged(f"has ParT {what}s without {', '.join(sorted(missing))}")
    if children.keys() - computed - passed_over:
        raise WeaverChanged(f"has ParT {what}s with modules that are not known here: {', '.join(sorted(children))}")
