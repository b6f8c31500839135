"""From tokens of the target encoder to what the predictor has to predict: the normalisations of `-o target_norm`."""

from collections.abc import Callable

from torch import Tensor

from hepjepa_weaver.objectives.losses import layer_norm, standardised


def by_token(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Each token to mean 0 and variance 1 over its D directions [I-JEPA 2301.08243]."""
    return layer_norm(tokens)


def by_batch(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Each direction to mean 0 and variance 1 over all target particles [data2vec 2202.03555, section 3.3]."""
    return standardised(tokens, is_target)


def as_they_are(tokens: Tensor, is_target: Tensor) -> Tensor:
    """Tokens without normalisation."""
    return tokens.float()


TARGET_NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "layer": by_token,
    "batch": by_batch,
    "none": as_they_are,
}
"""By the values of `-o target_norm`. Each takes tokens (N, T, D) and which are no padding (N, T), and returns targets
(N, T, D) in float32."""
