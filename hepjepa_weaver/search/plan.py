"""What a search compares: read from a YAML file, checked before anything runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hepjepa_weaver.common.yaml_plans import fill, fill_each, read_yaml

SCRATCH = "scratch"
"""The network of a setting that pre-trains nothing."""


@dataclass(frozen=True)
class Pretraining:
    """The budget of every setting.

    jets_seen: by each pre-training; the last step is the last whole batch.
    epochs: parts of it, with a checkpoint after each.
    weaver: further words of the command line: optimiser, schedule, options that fine-tuning does not have.
    growth: epochs after which a run that `grows` is probed, and fine-tuned with the fewest labels, besides the last.
    """

    jets_seen: int
    batch_size: int
    epochs: int
    weaver: str
    growth: tuple[int, ...] = ()

    @property
    def steps_per_epoch(self) -> int:
        return self.jets_seen // (self.batch_size * self.epochs)

    def jets_after(self, epochs: int) -> int:
        """Jets seen in the first `epochs`."""
        return epochs * self.steps_per_epoch * self.batch_size


@dataclass(frozen=True)
class Finetuning:
    """How labels are used.

    labels: numbers of labels a class.
    seeds: of the subsets, one fine-tuning for each.
    passes: over the labels in one fine-tuning, by number of labels a class.
    batch_size: jets of a step.
    validation_jets: by which the best epoch, and the best recipe, are chosen; as many of each class, always the same.
    weaver: further words of the command line of every recipe.
    recipes: by name, words of the command line for pre-trained networks; the best by validation counts.
    scratch_recipes: the same for networks from scratch, as many.
    """

    labels: tuple[int, ...]
    seeds: tuple[int, ...]
    passes: Mapping[int, int]
    batch_size: int
    validation_jets: int
    weaver: str
    recipes: Mapping[str, str]
    scratch_recipes: Mapping[str, str]


@dataclass(frozen=True)
class Setting:
    """One network to pre-train.

    network: name of its network config.
    options: words of the command line of pre-training; `shared` those of fine-tuning as well.
    seeds: of pre-training, one run for each.
    grows: whether it is measured after the epochs of `growth` too.
    views: what is probed, encoder and pooling: target_mean, target_class, context_mean, context_class.
    """

    network: str
    options: str = ""
    shared: str = ""
    seeds: tuple[int, ...] = (0,)
    grows: bool = True
    views: tuple[str, ...] = ("target_mean", "context_mean")


@dataclass(frozen=True)
class Run:
    """A setting of the plan, by name, with one of its seeds."""

    name: str
    setting: Setting
    seed: int


@dataclass(frozen=True)
class Plan:
    """A whole search. `size` names the encoder of all settings (`hepjepa_weaver.config.presets`)."""

    size: str
    data_config: str
    pretraining: Pretraining
    finetuning: Finetuning
    probe_labels: int
    settings: Mapping[str, Setting] = field(default_factory=dict)

    def runs(self, names: Iterable[str]) -> list[Run]:
        """The settings of these names with all their seeds."""
        settings = {name: self.settings[name] for name in names}
        return [Run(name, setting, seed) for name, setting in settings.items() for seed in setting.seeds]


def read_plan(path: Path) -> Plan:
    """The plan in a YAML file.

    Raises:
        UserError: no such file, no YAML, an unknown or missing entry, or one of another type.
    """
    content = read_yaml(path)
    settings = fill_each(Setting, content, "settings", path)
    parts = {
        "pretraining": fill(Pretraining, content.get("pretraining"), f"{path}: pretraining"),
        "finetuning": fill(Finetuning, content.get("finetuning"), f"{path}: finetuning"),
    }
    return fill(Plan, {**content, **parts, "settings": settings}, str(path))
