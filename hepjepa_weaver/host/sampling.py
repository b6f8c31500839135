"""Which jets weaver gives, and how often: weights that make sense, passes that end, validation that repeats nothing."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.weaver_api.loaders import dataset
from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.substitutes import replace_function

SMALLEST = 1e-3
"""Largest weight of some jets below which weaver, which tries each jet at most ten times, finds next to none."""
CUT = 0.01
"""Fraction of the sum of weights that is lost above 1 before it is told."""


def install() -> None:
    """Put the iterator of this module in the place of weaver's.

    Raises:
        WeaverChanged: weaver has no `_SimpleIter`.
    """
    replace_function(dataset, "_SimpleIter", ending_iterator)


def ending_iterator(simple_iter: type[Any]) -> type[Any]:
    """Return weaver's iterator over the jets of files, which ends if a whole pass gives none.

    Weaver starts an endless training anew after each pass, and would look for jets forever. Without
    `--steps-per-epoch`, its reading processes start each epoch from the same seed: here each epoch has its own order.
    """

    class EndingIterator(simple_iter):  # type: ignore[misc]
        num_given: int | None = None

        def restart(self) -> None:
            if self.num_given == 0:
                raise UserError(
                    f"no jet of {len(self.filelist)} files is left to read for {self._name or 'weaver'}: look at "
                    "`selection:`, `weights:` and `labels:` of the data config (all 0 is no class), and at "
                    "--extra-selection-train and -val"
                )
            is_new = self.num_given is None
            self.num_given = 0
            if is_new and self._seed is not None and self._sampler_options["mode"] == "train":
                np.random.seed((self._seed + _epochs[self._name]) % 2**32)  # noqa: NPY002 - weaver draws from it
                _epochs[self._name] += 1
            super().restart()

        def _try_get_next(self, init: bool = False) -> None:
            if not init:
                self.num_given = (self.num_given or 0) + len(self.indices)
            super()._try_get_next(init)

    return EndingIterator


_epochs: Counter[str] = Counter()
"""Number of iterators that this process has made of each loader: one for each epoch of a loader that ends."""
_told: set[str] = set()


def checked_weights(build_weights: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    """Return weaver's calculation of weights, followed by a check of them."""

    def build(table: Any, data_config: Any, *args: Any, **kwargs: Any) -> NDArray[Any]:
        weights = np.asarray(build_weights(table, data_config, *args, **kwargs))
        check_weights(weights, _described(data_config))
        return weights

    return build


def check_weights(weights: NDArray[Any], described: str) -> None:
    """Check weights (N,), which weaver takes as the probability to keep a jet.

    Args:
        weights: one for each jet.
        described: origin of the weights, for messages.

    Raises:
        UserError: a weight is negative or no number, or all are next to 0.
    """
    bad = int((~(weights >= 0) | np.isinf(weights)).sum())
    if bad:
        raise UserError(
            f"{bad} of {len(weights)} jets have a weight ({described}) that is negative or no number: weaver takes a "
            "weight as the probability to keep a jet; make all of them positive, or leave out `weights:`"
        )
    largest = weights.max(initial=0.0)
    if 0 < largest < SMALLEST:
        raise UserError(
            f"the largest weight ({described}) is {largest:.2g}: weaver takes a weight as the probability to keep a "
            "jet, and finds none; scale the weights so that the largest is about 1"
        )
    lost = np.maximum(weights - 1, 0).sum() / max(weights.sum(), 1e-30)
    if lost > CUT and described not in _told:
        _told.add(described)
        logger.warning(
            "Weights (%s) above 1, up to %.3g, count as 1: %.0f %% of their sum is lost. Scale them so that the "
            "largest is about 1",
            described, largest, 100 * lost,
        )  # fmt: skip


def _described(data_config: Any) -> str:
    options = data_config.options["weights"]
    return ", ".join(options.get("weight_branches") or options.get("reweight_vars") or ())
