"""Data sets that a plan tags."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ALL = "all"
"""Number of labels that stands for all jets of the training files."""


@dataclass(frozen=True)
class Task:
    """One data set to tag.

    The jets of `train`, `val` and `test` are each in a directory, in a file or in the files of a pattern. A data set in
    one piece has all jets in `train`, and sets `held_out` in place of `val` and `test`.

    Attributes:
        title: title in the report.
        data_config: data config of weaver.
        background: class to reject.
        train: jets for training.
        labels: numbers of jets per class to train with; of signal jets with a mixture.
        val: jets for validation.
        test: jets for the test.
        suffix: suffix of the files.
        label: column that gives the class, in files of several classes.
        held_out: jets per class for validation and for test; every seed draws others.
        mixture: classes of signal and background, for weak supervision with two mixtures of them. `held_out` are then
            the validation jets of each mixture, and the test jets of each class.
        background_jets: number of background jets in both mixtures together.
        all_labels: whether to train with all jets, too.
        seeds: seeds of labels.
        pretrainings: pre-trainings to start from, by the name that methods use: one, several, or `all` of the plan.
        degradations: names of the degradations with which to test the networks of most labels.
        published: published results to show beside ours.
        common_jets: number of training, validation or test jets that may also be in files of another use. Published
            data hold some jets twice.
    """

    title: str
    data_config: str
    background: str
    train: str
    labels: tuple[int, ...]
    val: str = ""
    test: str = ""
    suffix: Literal[".root", ".parquet"] = ".root"
    label: str = ""
    held_out: tuple[int, ...] = ()
    mixture: tuple[str, ...] = ()
    background_jets: int = 0
    all_labels: bool = False
    seeds: tuple[int, ...] = (0, 1, 2)
    pretrainings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    degradations: tuple[str, ...] = ()
    published: Literal["", "JetClass", "TopLandscape", "QuarkGluon"] = ""
    common_jets: int = 0

    def counts(self) -> list[str]:
        """Return the numbers of labels as they stand in the names of folders."""
        return [*map(str, self.labels), *([ALL] if self.all_labels else [])]

    @property
    def counted(self) -> str:
        """What `labels` counts, as a column of tables."""
        return "signal jets" if self.mixture else "labels a class"

    @property
    def most_labels(self) -> str:
        """The largest number of labels."""
        return self.counts()[-1]
