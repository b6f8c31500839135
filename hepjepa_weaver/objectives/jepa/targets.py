"""Normalisations of `-o target_norm`: from tokens of the target encoder to targets of the predictor."""

from collections.abc import Callable

from torch import Tensor

from hepjepa_weaver.objectives.losses import layer_norm, standardised


def by_token(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Normalise each token to mean 0 and variance 1 over its D directions [I-JEPA 2301.08243]."""
    return layer_norm(tokens)


def by_batch(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Normalise each direction to mean 0 and variance 1 over all target particles.

    [data2vec 2202.03555, section 3.3]
    """
    return standardised(tokens, is_target)


def as_they_are(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Return the tokens without normalisation."""
    return tokens.float()


TARGET_NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "layer": by_token,
    "batch": by_batch,
    "none": as_they_are,
}
"""Normalisations by the values of `-o target_norm`.

Each takes tokens (N, T, D) and the mask (N, T) of those that are not padding. It returns targets (N, T, D) in float32.
"""
