"""Production of many files: the plan and the progress bar."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hepjepa_weaver.common.workers import do_tasks, make_folder
from hepjepa_weaver.simulation.clustering import import_fastjet
from hepjepa_weaver.simulation.files import JetFile, is_made, write_jets
from hepjepa_weaver.simulation.generator import import_pythia
from hepjepa_weaver.simulation.processes import JetProcess
from hepjepa_weaver.simulation.simulation import Simulation


def plan_files(
    directory: Path,
    processes: Sequence[JetProcess],
    jets: Mapping[str, int],
    jets_per_file: int,
    seed: int,
) -> list[JetFile]:
    """Return all files of a data set.

    Args:
        directory: folder of the data set.
        processes: classes to make.
        jets: number of jets of each class by split (train, val, test).
        jets_per_file: largest number of jets per file.
        seed: seed of the data set.
    """
    return [
        JetFile(
            directory,
            process.stem,
            split,
            index,
            min(jets_per_file, n_jets - first),
            seed,
            process.selection.name,
        )
        for split, n_jets in jets.items()
        for process in processes
        for index, first in enumerate(range(0, n_jets, jets_per_file))
    ]


def produce(plan: Sequence[JetFile], n_workers: int) -> int:
    """Make the files of the plan that are not there yet, and return the number of files made.

    Raises:
        UserError: a file cannot be written, a file of the same name has other content, or a worker process failed.
    """
    import_pythia()
    import_fastjet()
    missing = [file for file in plan if not is_made(file)]
    folders = sorted({file.path.parent for file in missing})
    for folder in folders:
        make_folder(folder)
    total = sum(file.n_jets for file in missing)
    with tqdm(total=total, unit="jet", disable=not missing, smoothing=0.05) as bar:
        do_tasks(make_file, missing, folders, n_workers, bar.update)
    return len(missing)


def make_file(file: JetFile, report: Callable[[int], object]) -> None:
    """Make one file and report the number of jets batch by batch."""
    simulation = Simulation(file.process, file.seed_sequence())
    write_jets(file, reported(simulation.jets(file.n_jets), report))


def reported(tables: Iterable[Any], report: Callable[[int], object]) -> Iterator[Any]:
    """Yield the tables, and report the number of jets of each."""
    for table in tables:
        report(len(table))
        yield table
