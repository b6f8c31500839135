"""Where the files of a grid are, below its output folder."""

import glob
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import KINDS
from hepjepa_weaver.studies.plan import ALL, Cell, GridPlan

INTACT = "intact"
"""Test jets as they are."""


@dataclass(frozen=True)
class Layout:
    """Paths of a plan."""

    plan: GridPlan

    @property
    def output(self) -> Path:
        return Path(self.plan.output)

    def pretrained(self, name: str) -> Path:
        """The checkpoint that a pre-training ends with."""
        return self.output / "pretrained" / name / f"net_epoch-{self.plan.pretrainings[name].epochs - 1}_state.pt"

    def subset(self, task: str, labels: str, seed: int) -> Path:
        """Folder of the jets to train with; with `val` and `test` below it where these are held out."""
        return self.output / "labels" / task / f"{labels}_seed{seed}"

    def validation(self, task: str) -> Path:
        """Folder of the validation jets of a data set that has files for them."""
        return self.output / "labels" / task / "validation"

    def drawn(self, folder: Path) -> Path:
        """What is there once the jets of `folder` have been drawn."""
        return folder.with_name(f"{folder.name}.txt")

    def trained(self, cell: Cell, rate: str) -> Path:
        """Folder of one training."""
        return self.output / "trained" / cell.task / cell.method / cell.labels / f"rate{rate}" / f"seed{cell.seed}"

    def prediction(self, cell: Cell, rate: str, jets: str = INTACT) -> Path:
        """The prediction of test jets as they are or degraded by one training."""
        return self.trained(cell, rate) / f"{'test' if jets == INTACT else jets}.parquet"

    def rate(self, cell: Cell) -> Path:
        """The learning rate chosen for a cell, by the seed that `rate_seed` tells."""
        return self.output / "rates" / cell.task / cell.method / f"{cell.labels}_seed{self.rate_seed(cell)}.txt"

    def rate_seed(self, cell: Cell) -> int:
        """The seed whose validation jets choose: the first one or, where the test jets of one seed are among the
        training and validation jets of others, its own."""
        task = self.plan.tasks[cell.task]
        return cell.seed if task.held_out else task.seeds[0]

    def apart(self, task: str) -> Path:
        """What is there once no training jet of a task was found among its validation and test jets."""
        return self.output / "labels" / task / "apart.txt"

    def metrics(self, cell: Cell, jets: str = INTACT) -> Path:
        """The metrics of one entry of the grid, of test jets as they are or degraded."""
        return self.output / "metrics" / cell.task / cell.method / cell.labels / jets / f"seed{cell.seed}.json"

    def draw(self, cell: Cell) -> str:
        """Which test jets a cell has: the name of the subset they are held out of, or `test`."""
        return self.subset(cell.task, cell.labels, cell.seed).name if self.plan.tasks[cell.task].held_out else "test"

    def degraded(self, task: str, draw: str, degradation: str) -> Path:
        """Folder of degraded test jets."""
        return self.output / "degraded" / task / draw / degradation

    def jets_of(self, cell: Cell, use: str) -> str:
        """A pattern for the files of a cell that weaver takes to `train`, `val` or `test`."""
        task, subset = self.plan.tasks[cell.task], self.subset(cell.task, cell.labels, cell.seed)
        if use == "train":
            place = Path(task.train) if cell.labels == ALL else subset
        elif task.held_out:
            place = subset / use
        else:
            place = self.validation(cell.task) if use == "val" else Path(task.test)
        return pattern_of(str(place), task.suffix)


def pattern_of(place: str, suffix: str) -> str:
    """A pattern for the files of a directory, which need not be there yet; a file or a pattern stands for itself."""
    return place if Path(place).suffix in KINDS else f"{place}/*{suffix}"


def files_of(place: str, suffix: str) -> list[str]:
    """The files of a directory, file or pattern. Raises UserError where there are none."""
    found = sorted(glob.glob(pattern_of(place, suffix)))
    if not found:
        raise UserError(f"the plan asks for {place}, and no {suffix} file is there: make or download the jets first")
    return found
