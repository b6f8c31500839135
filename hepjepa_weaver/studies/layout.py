"""Paths of the files of a study, below its output folder."""

import glob
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.epoch_metrics import metrics_path
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import KINDS
from hepjepa_weaver.studies.cells import Cell, PretrainingRun, Start, network_of, trial_cells
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Recipe
from hepjepa_weaver.studies.tagging_task import ALL

INTACT = "intact"
"""Name of test jets without degradation."""
KEPT = "kept"
"""Folder below the output with results that were kept from runs elsewhere."""


@dataclass(frozen=True)
class Layout:
    """Paths of a plan."""

    plan: StudyPlan

    @property
    def output(self) -> Path:
        """The output folder."""
        return Path(self.plan.output)

    def found(self, path: Path) -> Path:
        """Return a file of results, or the one kept from a run elsewhere if there is no other."""
        kept = self.output / KEPT / path.relative_to(self.output)
        return kept if kept.is_file() and not path.is_file() else path

    def is_kept(self, path: Path) -> bool:
        """Return whether a file of results is one that was kept."""
        return self.found(path) != path

    def run_name(self, run: PretrainingRun) -> str:
        """Return the name of the folder of a pre-training, which has the seed in it if the plan gives several."""
        return f"{run.name}/seed{run.seed}" if self.plan.pretrainings[run.name].seeds else run.name

    def pretrained(self, run: PretrainingRun) -> Path:
        """Return the prefix of the checkpoints of a pre-training."""
        return self.output / "pretrained" / self.run_name(run) / "net"

    def checkpoint(self, start: Start) -> Path:
        """Return the checkpoint of a pre-training after a number of epochs."""
        return Path(f"{self.pretrained(start.run)}_epoch-{start.epochs - 1}_state.pt")

    def history(self, run: PretrainingRun) -> Path:
        """Return the file with the metrics of every epoch of a pre-training."""
        return metrics_path(self.pretrained(run))

    def embeddings(self, start: Start, view: str) -> Path:
        """Return the file with the embeddings of validation jets by a pre-trained network."""
        return self.pretrained(start.run).with_name(f"{view}_after{start.epochs}.parquet")

    def probe(self, start: Start, view: str) -> Path:
        """Return the file with the accuracy of a linear probe of these embeddings."""
        return self.embeddings(start, view).with_suffix(".json")

    def subset(self, task: str, labels: str, seed: int) -> Path:
        """Return the folder of the jets to train with; held-out jets are in `val` and `test` below it."""
        return self.output / "labels" / task / f"{labels}_seed{seed}"

    def validation(self, task: str) -> Path:
        """Return the folder of the validation jets of a data set with files for validation."""
        return self.output / "labels" / task / "validation"

    def drawn(self, folder: Path) -> Path:
        """Return the file that exists once the jets of `folder` have been drawn."""
        return folder.with_name(f"{folder.name}.txt")

    def trained(self, cell: Cell, recipe: Recipe) -> Path:
        """Return the folder of one training."""
        return self.output / "trained" / cell.task / cell.network / cell.labels / recipe.folder / f"seed{cell.seed}"

    def validated(self, cell: Cell, recipe: Recipe) -> Path:
        """Return the file with the metrics of every epoch of one training."""
        return metrics_path(self.trained(cell, recipe) / "net")

    def prediction(self, cell: Cell, recipe: Recipe, jets: str = INTACT) -> Path:
        """Return the prediction file of one training for intact or degraded test jets."""
        return self.trained(cell, recipe) / f"{'test' if jets == INTACT else jets}.parquet"

    def choice(self, cell: Cell) -> Path:
        """Return the file with the recipe chosen for a cell, and for all cells with the same trials."""
        seed = trial_cells(self.plan, cell)[0].seed
        return self.output / "rates" / cell.task / network_of(self.plan, cell).group / f"{cell.labels}_seed{seed}.txt"

    def apart(self, task: str) -> Path:
        """Return the file that exists once the jets of a task are known to be apart.

        No training jet is then among the validation and test jets.
        """
        return self.output / "labels" / task / "apart.txt"

    def metrics(self, cell: Cell, jets: str = INTACT) -> Path:
        """Return the file with the metrics of one cell for intact or degraded test jets."""
        return self.output / "metrics" / cell.task / cell.network / cell.labels / jets / f"seed{cell.seed}.json"

    def draw(self, cell: Cell) -> str:
        """Return the name of the test jets of a cell: the subset that they are held out of, or `test`."""
        return self.subset(cell.task, cell.labels, cell.seed).name if self.plan.tasks[cell.task].held_out else "test"

    def degraded(self, task: str, draw: str, degradation: str) -> Path:
        """Return the folder of degraded test jets."""
        return self.output / "degraded" / task / draw / degradation

    def jets_of(self, cell: Cell, use: str) -> str:
        """Return the pattern of the files with which weaver has to `train`, `val` or `test` a cell."""
        task, subset = self.plan.tasks[cell.task], self.subset(cell.task, cell.labels, cell.seed)
        if use == "train":
            place = Path(task.train) if cell.labels == ALL else subset
        elif task.held_out:
            place = subset / use
        else:
            place = self.validation(cell.task) if use == "val" else Path(task.test)
        return pattern_of(str(place), task.suffix)


def pattern_of(place: str, suffix: str) -> str:
    """Return a pattern for the files of a directory, which need not exist yet.

    A file or a pattern stands for itself.
    """
    return place if Path(place).suffix in KINDS else f"{place}/*{suffix}"


def files_of(place: str, suffix: str) -> list[str]:
    """Return the files of a directory, file or pattern.

    Raises:
        UserError: there are no files.
    """
    found = sorted(glob.glob(pattern_of(place, suffix)))
    if not found:
        raise UserError(f"the plan asks for {place}, and no {suffix} file is there: make or download the jets first")
    return found
