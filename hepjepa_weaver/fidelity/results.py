"""What is compared, how, and what comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.fidelity.distances import Distance
from hepjepa_weaver.fidelity.memorised import Memory
from hepjepa_weaver.fidelity.observables import Observables
from hepjepa_weaver.fidelity.particles import JetParticles
from hepjepa_weaver.fidelity.resampling import REPLICAS


@dataclass(frozen=True)
class Settings:
    """How samples are compared.

    Attributes:
        networks: networks that tell samples apart, besides boosted trees.
        steps: optimiser steps of each network; 0 trains none, and leaves boosted trees alone.
        replicas: bootstrap replicas.
        max_jets: the most jets of each sample; None for all.
        seed: seed of all draws.
        device: where networks are trained.
    """

    networks: Sequence[str] = NETWORKS
    steps: int = 500
    replicas: int = REPLICAS
    max_jets: int | None = None
    seed: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Reference:
    """Real jets to compare with.

    Attributes:
        name: `original` or `reconstructed`.
        jets: the jets.
        floor: other real jets of the same kind, or None.
    """

    name: str
    jets: JetParticles
    floor: JetParticles | None = None


@dataclass(frozen=True)
class Row:
    """Distance of the generated jets to a reference in one observable, and that of the floor's jets."""

    distance: Distance
    floor: Distance | None

    @property
    def ratio(self) -> Measurement:
        """Divergence in units of the floor's, with both errors; undefined without a floor."""
        ours = self.distance.divergence
        theirs = self.floor.divergence if self.floor else Measurement(None, None)
        if ours.value is None or not theirs.value:
            return Measurement(None, None)
        ratio = ours.value / theirs.value
        if ours.error is None or theirs.error is None:
            return Measurement(ratio, None)
        return Measurement(ratio, float(np.hypot(ours.error, ratio * theirs.error)) / theirs.value)


@dataclass(frozen=True)
class Separation:
    """AUC of a classifier between generated jets and a reference, and between the floor's jets and the reference."""

    auc: Measurement
    floor: Measurement | None


@dataclass(frozen=True)
class OneReference:
    """Comparison with one reference.

    Attributes:
        name: name of the reference.
        samples: observables of `generated`, of the reference by its name, and of `floor` if there is one.
        rows: distances by observable.
        separations: by network, and of `boosted trees`.
        by_class: number of jets and distances by observable, by class; empty without labels.
    """

    name: str
    samples: Mapping[str, Observables]
    rows: Mapping[str, Row]
    separations: Mapping[str, Separation]
    by_class: Mapping[str, tuple[int, Mapping[str, Row]]] = field(default_factory=dict)

    @property
    def num_jets(self) -> int:
        """Number of jets of each sample."""
        return len(self.samples["generated"].jets)


@dataclass(frozen=True)
class Comparison:
    """All comparisons of a sample of generated jets.

    Attributes:
        references: one for each reference.
        memory: nearest training jets; None without training jets.
        given: number of jets that each sample had before equal numbers were taken.
        left_out: classes that are not compared, because a sample lacks them.
        settings: how they were compared.
    """

    references: tuple[OneReference, ...]
    memory: Memory | None
    given: Mapping[str, int]
    left_out: tuple[str, ...]
    settings: Settings
