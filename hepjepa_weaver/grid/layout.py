"""Where the files of a grid are, below its output folder."""

from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.grid.plan import ALL, Cell, GridPlan

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

    def trained(self, cell: Cell, rate: str) -> Path:
        """Folder of one training."""
        return self.output / "trained" / cell.task / cell.method / cell.labels / f"rate{rate}" / f"seed{cell.seed}"

    def rate(self, task: str, method: str, labels: str) -> Path:
        """The learning rate chosen."""
        return self.output / "rates" / task / method / f"{labels}.txt"

    def metrics(self, cell: Cell, jets: str = INTACT) -> Path:
        """The metrics of one entry of the grid, of test jets as they are or degraded."""
        return self.output / "metrics" / cell.task / cell.method / cell.labels / jets / f"seed{cell.seed}.json"

    def degraded(self, cell: Cell, degradation: str) -> Path:
        """Folder of degraded test jets; every draw of held-out ones has its own."""
        draw = self.subset(cell.task, cell.labels, cell.seed).name if self.plan.tasks[cell.task].held_out else "test"
        return self.output / "degraded" / cell.task / draw / degradation

    def jets_of(self, cell: Cell, use: str) -> str:
        """A pattern for the files of a cell that weaver takes to `train`, `val` or `test`."""
        task, subset = self.plan.tasks[cell.task], self.subset(cell.task, cell.labels, cell.seed)
        if use == "train":
            place = Path(task.train) if cell.labels == ALL else subset
        elif task.held_out:
            place = subset / use
        else:
            place = self.validation(cell.task) if use == "val" else Path(task.test)
        return str(place if place.suffix else place / f"*{task.suffix}")
