"""Quality of several tokenizers on the same jets: use of the codes, errors, coverage.

The numbers are those of OmniJet-α (arXiv:2403.05618, "How to judge the quality of an encoding").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.tokenizer import TokenizerConfig
from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer
from hepjepa_weaver.fidelity.code_use import CodeUse, measure_use
from hepjepa_weaver.fidelity.equal_numbers import equal_classes
from hepjepa_weaver.fidelity.jet_rows import read_classes
from hepjepa_weaver.fidelity.observables import Observables, observe
from hepjepa_weaver.fidelity.particles import JetParticles
from hepjepa_weaver.fidelity.residuals import Reconstruction, measure_reconstruction
from hepjepa_weaver.generation.reconstructed_jets import ReconstructedJets, reconstruct_files
from hepjepa_weaver.generation.token_coverage import CODES, CONTEXTS, Coverage, measure_coverage


@dataclass(frozen=True)
class QualitySettings:
    """How tokenizers are measured.

    Attributes:
        coverage_codes: the most codes whose coverage is measured; 0 for none.
        coverage_contexts: random jets for each of them.
        seed: seed of all draws.
    """

    coverage_codes: int = CODES
    coverage_contexts: int = CONTEXTS
    seed: int = 0


@dataclass(frozen=True)
class TokenizerQuality:
    """Quality of one tokenizer.

    Attributes:
        config: its options.
        use: use of its codes by the test jets.
        observed: observables of the reconstructed jets.
        reconstruction: their errors.
        coverage: particles that its codes become; None if it was not measured.
    """

    config: TokenizerConfig
    use: CodeUse
    observed: Observables
    reconstruction: Reconstruction
    coverage: Coverage | None


@dataclass(frozen=True)
class QualityComparison:
    """Quality of several tokenizers on the same jets.

    Attributes:
        original: observables of the test jets.
        tokenizers: quality by title.
        settings: how they were measured.
    """

    original: Observables
    tokenizers: Mapping[str, TokenizerQuality]
    settings: QualitySettings


def compare_tokenizers(
    tokenizers: Mapping[str, PretrainedTokenizer],
    jets: Mapping[str, ReconstructedJets],
    settings: QualitySettings | None = None,
) -> QualityComparison:
    """Measure the quality of tokenizers.

    Args:
        tokenizers: the tokenizers by title.
        jets: the same jets behind each of them, by title.
        settings: how they are measured.

    Raises:
        UserError: FastJet is missing.
    """
    settings = settings or QualitySettings()
    original = observe(next(iter(jets.values())).original)
    found = {}
    for title, tokenizer in tokenizers.items():
        of, reconstructed, coverage = jets[title], observe(jets[title].reconstructed), None
        errors = measure_reconstruction(original, reconstructed, settings.seed)
        if settings.coverage_codes:
            most, contexts = settings.coverage_codes, settings.coverage_contexts
            coverage = measure_coverage(tokenizer, of.codes, most, contexts, settings.seed)
        use = measure_use(of.codes, tokenizer.num_codes)
        found[title] = TokenizerQuality(tokenizer.tokenizer.config, use, reconstructed, errors, coverage)
    return QualityComparison(original, found, settings)


def read_test_jets(
    tokenizers: Mapping[str, PretrainedTokenizer], paths: Sequence[Path], max_jets: int | None, seed: int
) -> dict[str, ReconstructedJets]:
    """Read equal numbers of jets of each class that the files have; bring them through each tokenizer.

    Raises:
        UserError: a file cannot be read, or no jet is left.
    """
    classes = read_classes(paths)
    present = tuple(name for index, name in enumerate(classes.label_names) if index in classes.label)
    classes = classes.relabelled(present) if present else replace(classes, label_names=())
    return _drawn(tokenizers, paths, classes, max_jets, seed)


def read_training_jets(
    tokenizers: Mapping[str, PretrainedTokenizer],
    paths: Sequence[Path],
    test: JetParticles,
    max_jets: int | None,
    seed: int,
) -> dict[str, ReconstructedJets]:
    """Read equal numbers of jets of each class of the test jets; bring them through each tokenizer.

    Raises:
        UserError: test or training jets have no labels, or a class of the test jets is missing.
    """
    classes = read_classes(paths)
    for name, jets in (("--test", test), ("--train", classes)):
        if not jets.is_labelled:
            raise UserError(f"the jets of {name} lack labels: a tagger needs files with label_… branches")
    missing = sorted(set(test.label_names) - {classes.label_names[index] for index in np.unique(classes.label)})
    if missing:
        raise UserError(f"--train has no jets of {', '.join(missing)}: give files of all classes of --test")
    return _drawn(tokenizers, paths, classes.relabelled(test.label_names), max_jets, seed)


def _drawn(
    tokenizers: Mapping[str, PretrainedTokenizer],
    paths: Sequence[Path],
    classes: JetParticles,
    max_jets: int | None,
    seed: int,
) -> dict[str, ReconstructedJets]:
    wanted = np.flatnonzero(classes.label >= 0) if classes.label_names else np.arange(len(classes))
    chosen = equal_classes(classes[wanted], max_jets, seed)
    found = reconstruct_files(list(tokenizers.values()), paths, classes, wanted[chosen])
    return dict(zip(tokenizers, found, strict=True))
