"""What a tokenizer costs a tagger: accuracy on original particles, on reconstructed ones, and on codes alone.

All taggers have the same network, steps, learning rates and jets [OmniJet-α, arXiv:2403.05618, section 4.1].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.fidelity.paired import accuracy_difference
from hepjepa_weaver.fidelity.separation import Tagging, tagging_accuracy
from hepjepa_weaver.fidelity.training import TrainingPlan
from hepjepa_weaver.generation.reconstructed_jets import ReconstructedJets

RATES = (1e-3,)
BASELINE = "original particles"


@dataclass(frozen=True)
class TaggerSettings:
    """How taggers are trained.

    Attributes:
        steps: optimiser steps.
        networks: networks to train.
        rates: learning rates to try.
        seed: seed of weights and batches.
        device: where they are trained.
    """

    steps: int
    networks: Sequence[str] = NETWORKS
    rates: Sequence[float] = RATES
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class TaggerRow:
    """Result of one tagger.

    Attributes:
        network: its network.
        reads: what it reads.
        tokenizer: title of the tokenizer; empty for original particles.
        accuracy: fraction of test jets of which it finds the class.
        difference: accuracy minus that on original particles, with the error of paired predictions.
        rate: learning rate that was chosen.
    """

    network: str
    reads: str
    tokenizer: str
    accuracy: Measurement
    difference: Measurement | None
    rate: float


@dataclass(frozen=True)
class TaggerComparison:
    """Results of all taggers.

    Attributes:
        settings: how they were trained.
        num_train: number of training jets.
        num_test: number of test jets.
        rows: the results.
    """

    settings: TaggerSettings
    num_train: int
    num_test: int
    rows: Sequence[TaggerRow] = field(default_factory=tuple)


def compare_taggers(
    train: Mapping[str, ReconstructedJets],
    test: Mapping[str, ReconstructedJets],
    num_codes: Mapping[str, int],
    settings: TaggerSettings,
    tell: Callable[[TaggerRow], None] | None = None,
) -> TaggerComparison:
    """Train and test all taggers.

    Args:
        train: training jets by title of the tokenizer.
        test: test jets by title.
        num_codes: number of codes by title.
        settings: how the taggers are trained.
        tell: called with each result as it comes.

    Raises:
        UserError: jets lack labels, the classes differ, or there is no such network or device.
    """
    rows = []

    def add(network: str, reads: str, title: str, found: Tagging, base: Tagging | None) -> None:
        gap = accuracy_difference(found.predictions, base.predictions, seed=settings.seed) if base else None
        rows.append(TaggerRow(network, reads, title, found.accuracy, gap, found.rate))
        if tell is not None:
            tell(rows[-1])

    first_train, first_test = next(iter(train.values())), next(iter(test.values()))
    for network in settings.networks:
        plan = TrainingPlan(network, settings.steps, seed=settings.seed, device=settings.device)
        base = tagging_accuracy(first_train.original, first_test.original, plan, settings.rates)
        add(network, BASELINE, "", base, None)
        for title, jets in train.items():
            tested = test[title]
            found = tagging_accuracy(jets.reconstructed, tested.reconstructed, plan, settings.rates)
            add(network, "reconstructed particles", title, found, base)
            ids = (jets.codes, tested.codes, num_codes[title])
            found = tagging_accuracy(jets.original, tested.original, plan, settings.rates, ids)
            add(network, "codes alone", title, found, base)
    return TaggerComparison(settings, len(first_train), len(first_test), rows)
