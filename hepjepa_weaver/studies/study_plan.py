"""The plan of a study: what it compares."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hepjepa_weaver.datasets.degrade import Degradation
from hepjepa_weaver.studies.planned_training import Pretraining, Training
from hepjepa_weaver.studies.tagging_method import Method
from hepjepa_weaver.studies.tagging_task import Task


@dataclass(frozen=True, kw_only=True)
class NamedDegradation(Degradation):
    """What is taken from test jets, with its title in the report."""

    title: str


@dataclass(frozen=True)
class StudyPlan:
    """A whole study.

    Attributes:
        output: output folder.
        size: encoder size by name.
        training: how every method uses labels.
        pretrainings: settings of pre-training by name.
        tasks: data sets to tag, by name.
        methods: ways to get a tagger, by name.
        degradations: what is taken from test jets, by name.
        gpus: as weaver takes it; empty for a CPU.
        probe_labels: validation jets that a linear probe is fitted to; the others score it.
        kept: folder of results of finished runs, as `hepjepa study-keep` writes them.
    """

    output: str
    size: str
    training: Training
    pretrainings: Mapping[str, Pretraining]
    tasks: Mapping[str, Task]
    methods: Mapping[str, Method]
    degradations: Mapping[str, NamedDegradation] = field(default_factory=dict)
    gpus: str = ""
    probe_labels: int = 0
    kept: str = ""
