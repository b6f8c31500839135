"""Where the files of a study are, below its output folder."""

import glob
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.epoch_metrics import metrics_path
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import KINDS
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, Start, network_of, trial_cells
from hepjepa_weaver.studies.plan import ALL, Recipe, StudyPlan

INTACT = "intact"
"""Test jets as they are."""


@dataclass(frozen=True)
class Layout:
    """Paths of a plan."""

    plan: StudyPlan

    @property
    def output(self) -> Path:
        return Path(self.plan.output)

    def run_name(self, run: PretrainingRun) -> str:
        """A run of pre-training, as its folder is called; with the seed where the plan gives several."""
        return f"{run.name}/seed{run.seed}" if self.plan.pretrainings[run.name].seeds else run.name

    def pretrained(self, run: PretrainingRun) -> Path:
        """Prefix of the checkpoints of a pre-training."""
        return self.output / "pretrained" / self.run_name(run) / "net"

    def checkpoint(self, start: Start) -> Path:
        """A pre-trained network after some epochs."""
        return Path(f"{self.pretrained(start.run)}_epoch-{start.epochs - 1}_state.pt")

    def history(self, run: PretrainingRun) -> Path:
        """The metrics of every epoch of a pre-training."""
        return metrics_path(self.pretrained(run))

    def embeddings(self, start: Start, view: str) -> Path:
        """Embeddings of validation jets by a pre-trained network."""
        return self.pretrained(start.run).with_name(f"{view}_after{start.epochs}.parquet")

    def probe(self, start: Start, view: str) -> Path:
        """What a linear probe of these embeddings measured."""
        return self.embeddings(start, view).with_suffix(".json")

    def subset(self, task: str, labels: str, seed: int) -> Path:
        """Folder of the jets to train with; with `val` and `test` below it where these are held out."""
        return self.output / "labels" / task / f"{labels}_seed{seed}"

    def validation(self, task: str) -> Path:
        """Folder of the validation jets of a data set that has files for them."""
        return self.output / "labels" / task / "validation"

    def drawn(self, folder: Path) -> Path:
        """What is there once the jets of `folder` have been drawn."""
        return folder.with_name(f"{folder.name}.txt")

    def trained(self, cell: Cell, recipe: Recipe) -> Path:
        """Folder of one training."""
        return self.output / "trained" / cell.task / cell.network / cell.labels / recipe.folder / f"seed{cell.seed}"

    def validated(self, cell: Cell, recipe: Recipe) -> Path:
        """The metrics of every epoch of one training."""
        return metrics_path(self.trained(cell, recipe) / "net")

    def prediction(self, cell: Cell, recipe: Recipe, jets: str = INTACT) -> Path:
        """The prediction of test jets as they are or degraded by one training."""
        return self.trained(cell, recipe) / f"{'test' if jets == INTACT else jets}.parquet"

    def choice(self, cell: Cell) -> Path:
        """The recipe chosen for a cell and for all those with the same trials."""
        seed = trial_cells(self.plan, cell)[0].seed
        return self.output / "rates" / cell.task / network_of(self.plan, cell).group / f"{cell.labels}_seed{seed}.txt"

    def apart(self, task: str) -> Path:
        """What is there once no training jet of a task was found among its validation and test jets."""
        return self.output / "labels" / task / "apart.txt"

    def metrics(self, cell: Cell, jets: str = INTACT) -> Path:
        """The metrics of one cell, of test jets as they are or degraded."""
        return self.output / "metrics" / cell.task / cell.network / cell.labels / jets / f"seed{cell.seed}.json"

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
