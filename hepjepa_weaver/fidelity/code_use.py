"""How evenly a tokenizer uses its codes on a sample of jets.

Shapes: S particles of all jets, K codes.
"""

from dataclasses import dataclass

import numpy as np

from hepjepa_weaver.fidelity.particles import Ints


@dataclass(frozen=True)
class CodeUse:
    """Use of the codes.

    Attributes:
        number: number K of codes.
        used: number of codes that at least one particle has.
        perplexity: exponential of the entropy of the codes, from 1 to K: the number of evenly used codes that would be
            as hard to guess.
    """

    number: int
    used: int
    perplexity: float

    @property
    def fraction(self) -> float:
        """Fraction of the codes in use."""
        return self.used / self.number


def measure_use(codes: Ints, number: int) -> CodeUse:
    """Return the use of `number` codes by particles with the codes (S,), of which there has to be one at least."""
    counts = np.bincount(codes, minlength=number)
    share = counts[counts > 0] / len(codes)
    return CodeUse(number, len(share), float(np.exp(-np.sum(share * np.log(share)))))
