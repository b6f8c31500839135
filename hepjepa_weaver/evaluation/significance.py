"""Significance improvement: by how much a cut on a score makes a signal stand out of its background.

It is TPR/√FPR, the factor by which S/√B grows [MPM 2401.13537; MPMv2 2409.12589].

Shapes: S signal jets, B background jets.
"""

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.bootstrap import QUANTILES, Interval
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import two_class_scores

SIGNIFICANCE = "SIC"
"""Start of the names of these metrics: significance improvement characteristic."""
FALSE_POSITIVE_RATES = (1e-2, 1e-3)
SIGNIFICANCE_WORDS = (
    f"{SIGNIFICANCE}: significance improvement TPR/√FPR at the stated FPR. It is undefined where no background jet may "
    "pass."
)
DRAWS = 20_000
HALF = 0.5
"""Counts of Jeffreys' prior for a fraction."""

Floats = NDArray[np.float64]


def significance_metrics(predictions: Predictions, background: str) -> dict[str, Interval]:
    """Return the significance improvement of two classes at each false positive rate, by name.

    Raises:
        UserError: there are more than two classes, or `background` is none of them.
    """
    names = predictions.class_names
    if len(names) != 2 or background not in names:
        raise UserError(f"significance is of a signal and a background, {background}, and the classes are "
                        f"{', '.join(names)}: give a data config with two classes, or --background")  # fmt: skip
    signal = names[1 - names.index(background)]
    scores = two_class_scores(predictions, signal, background)
    return {f"{SIGNIFICANCE} {rate:g}": significance_improvement(*scores, rate) for rate in FALSE_POSITIVE_RATES}


def significance_improvement(signal: Floats, background: Floats, false_positive_rate: float) -> Interval:
    """Return TPR/√FPR at the loosest cut that lets at most a fraction of the background jets pass.

    Jets at the cut pass. The interval holds 68 % of TPR/√FPR. Both fractions are drawn from their beta distributions,
    with Jeffreys' prior, which are right if few jets pass, too. The value is undefined if no background jet may pass,
    or if more share the highest score than may.

    Args:
        signal: (S,), scores of the signal jets.
        background: (B,), scores of the background jets.
        false_positive_rate: the fraction.
    """
    allowed = int(false_positive_rate * len(background) + 1e-9)
    cut = loosest_cut(background, allowed)
    if cut is None:
        return Interval(None, None, None)
    passed = [int((scores >= cut).sum()) for scores in (signal, background)]
    if not passed[1]:
        return Interval(None, None, None)
    fractions = [number / len(scores) for number, scores in zip(passed, (signal, background), strict=True)]
    rng = np.random.default_rng(0)
    true, false = (
        rng.beta(number + HALF, len(scores) - number + HALF, DRAWS)
        for number, scores in zip(passed, (signal, background), strict=True)
    )
    low, high = np.quantile(true / np.sqrt(false), QUANTILES)
    return Interval(fractions[0] / np.sqrt(fractions[1]), float(low), float(high))


def loosest_cut(background: Floats, allowed: int) -> float | None:
    """Return the lowest score that at most `allowed` of the background scores (B,) reach; None if there is none."""
    ranked = np.sort(background)[::-1]
    if allowed < 1:
        return None
    number = min(allowed, len(ranked))
    if number < len(ranked) and ranked[number - 1] == ranked[number]:  # jets that tie pass together, or not at all
        number = int((ranked > ranked[number]).sum())
    return float(ranked[number - 1]) if number else None
