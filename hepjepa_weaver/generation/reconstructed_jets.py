"""Jets before and behind a tokenizer: the same jets, in the same order, with the same number of particles.

Shapes: N jets, S particles of all jets one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer
from hepjepa_weaver.fidelity.equal_numbers import equal_classes
from hepjepa_weaver.fidelity.jet_rows import read_rows
from hepjepa_weaver.fidelity.particles import Ints, JetParticles
from hepjepa_weaver.fidelity.residuals import check_aligned

TRAINING_COLUMN = "aux_training_"
"""Column that weaver's reading adds itself."""


@dataclass(frozen=True)
class ReconstructedJets:
    """Jets before and behind a tokenizer.

    Attributes:
        original: the jets as weaver gives them to a network.
        reconstructed: the jets made of their codes.
        codes: (S,), code of each particle.
        row: (N,), place of each jet in the table that it was read from. Jets that the selection removes are missing.
    """

    original: JetParticles
    reconstructed: JetParticles
    codes: Ints
    row: Ints

    def __len__(self) -> int:
        return len(self.row)

    def chosen(self, jets: Ints) -> "ReconstructedJets":
        """Return some jets, given by their ascending places (M,)."""
        is_chosen = np.zeros(len(self), bool)
        is_chosen[jets] = True
        codes = self.codes[np.repeat(is_chosen, self.original.counts)]
        return ReconstructedJets(self.original[jets], self.reconstructed[jets], codes, self.row[jets])


def columns_read(tokenizer: PretrainedTokenizer) -> list[str]:
    """Return the columns of files that the tokenizer's data config reads."""
    return sorted(set(tokenizer.data_config.test_load_branches) - {TRAINING_COLUMN})


def reconstruct(tokenizer: PretrainedTokenizer, table: Any, classes: JetParticles) -> ReconstructedJets:
    """Bring jets through a tokenizer.

    Args:
        tokenizer: the tokenizer.
        table: awkward array of jets with the columns of `columns_read`.
        classes: the classes of these jets (`fidelity.jet_rows.read_classes`).

    Raises:
        UserError: a particle is not finite, or the selection of the data config leaves no jet.
    """
    found = tokenizer.codes(table)
    if not len(found):
        raise UserError("the selection of the data config leaves no jets: give other files, or drop the selection")
    label = classes.label[found.entry]
    original = _as_jets(found.original, classes, label)
    reconstructed = _as_jets(tokenizer.particles(found.codes), classes, label)
    check_aligned(original, reconstructed)
    codes = ak.to_numpy(ak.flatten(found.codes)).astype(np.int64)
    if len(codes) != len(original.pt):
        raise RuntimeError(f"{len(codes)} codes for {len(original.pt)} particles")
    return ReconstructedJets(original, reconstructed, codes, found.entry)


def reconstruct_files(
    tokenizers: Sequence[PretrainedTokenizer],
    paths: Sequence[Path],
    classes: JetParticles,
    jets: Ints,
) -> list[ReconstructedJets]:
    """Bring the same jets of files through several tokenizers with the same data config.

    If the data config has a selection, equal numbers of jets of each class are drawn from what it leaves.

    Args:
        tokenizers: the tokenizers.
        paths: the files.
        classes: classes of all jets of the files, relabelled as wanted.
        jets: (M,), ascending places of the jets among those of all files.

    Raises:
        UserError: a file cannot be read, or no jet is left.
    """
    table = read_rows(paths, jets, columns_read(tokenizers[0]))
    found = [reconstruct(tokenizer, table, classes[jets]) for tokenizer in tokenizers]
    if len(found[0]) < len(jets):
        kept = equal_classes(found[0].original)
        found = [of.chosen(kept) for of in found]
    for of in found:
        check_same_originals(found[0].original, of.original)
    return found


def check_same_originals(ours: JetParticles, theirs: JetParticles) -> None:
    """Check that two readings gave the same jets.

    Raises:
        UserError: a number of particles, or a particle, differs.
    """
    same = len(ours) == len(theirs) and np.array_equal(ours.counts, theirs.counts)
    if not (same and np.allclose(ours.pt, theirs.pt, rtol=1e-4, atol=0) and np.allclose(ours.deta, theirs.deta)):
        raise UserError(
            f"the {len(theirs)} jets that the data config reads are not the {len(ours)} jets of the files: give a data "
            "config without a selection, and as many particles per jet as it keeps"
        )


def _as_jets(particles: Any, classes: JetParticles, label: Ints) -> JetParticles:
    """Return N lists of particle records as jets with labels (N,)."""
    pt, deta, dphi = (ak.to_numpy(ak.flatten(particles[name])).astype(np.float64) for name in ("pt", "deta", "dphi"))
    counts = ak.to_numpy(ak.num(particles.pt)).astype(np.int64)
    return JetParticles(counts, pt, deta, dphi, label, classes.label_names)
