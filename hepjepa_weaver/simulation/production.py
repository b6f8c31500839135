"""Production of many files: the plan, the workers, the progress bar."""

import multiprocessing
import queue
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.clustering import import_fastjet
from hepjepa_weaver.simulation.files import JetFile, is_made, remove_partial, write_jets
from hepjepa_weaver.simulation.generator import import_pythia
from hepjepa_weaver.simulation.processes import JetProcess
from hepjepa_weaver.simulation.simulation import Simulation

GRACE = 10.0
"""Seconds for a worker process to end by itself after the last file."""


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
    for folder in {file.path.parent for file in missing}:
        make_folder(folder)
    total = sum(file.n_jets for file in missing)
    with tqdm(total=total, unit="jet", disable=not missing, smoothing=0.05) as bar, terminate_as_interrupt():
        if n_workers == 1:
            for file in missing:
                make_file(file, bar.update)
        else:
            run_workers(missing, min(n_workers, len(missing)), bar.update)
    return len(missing)


def make_folder(folder: Path) -> None:
    """Make a folder and check that files can be written there.

    Raises:
        UserError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another directory") from error


def make_file(file: JetFile, report: Callable[[int], object]) -> None:
    """Make one file and report the number of jets batch by batch."""
    simulation = Simulation(file.process, file.seed_sequence())
    write_jets(file, reported(simulation.jets(file.n_jets), report))


def reported(tables: Iterable[Any], report: Callable[[int], object]) -> Iterator[Any]:
    """Yield the tables, and report the number of jets of each."""
    for table in tables:
        report(len(table))
        yield table


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM (a batch system's time limit) like Ctrl-C, so that no incomplete file is left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_workers(files: Sequence[JetFile], n_workers: int, report: Callable[[int], object]) -> None:
    """Distribute the files to worker processes; end all of them if one fails, or on Ctrl-C."""
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    next_file = context.Value("l", 0)
    workers = [context.Process(target=work, args=(files, next_file, messages), daemon=True) for _ in range(n_workers)]
    try:
        start_deaf(workers)
        n_left = len(files)
        while n_left:
            message = receive(messages, workers)
            if isinstance(message, UserError):
                raise message
            if message is None:
                n_left -= 1
            else:
                report(message)
        for worker in workers:  # a signal while one ends would show as a stray SystemExit
            worker.join(timeout=GRACE)
    finally:
        started = [worker for worker in workers if worker.pid is not None]
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.join()
        remove_partial(files, [worker.pid for worker in started if worker.pid])


def start_deaf(workers: Sequence[Any]) -> None:
    """Start processes that ignore Ctrl-C, which a terminal sends to all of its processes; the parent ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for worker in workers:
            worker.start()
    finally:
        signal.signal(signal.SIGINT, before)


def receive(messages: Any, workers: Sequence[Any]) -> int | UserError | None:
    """Return the next message of a worker: number of jets made, None for a finished file, or a UserError.

    Raises:
        UserError: a worker process ended with an error.
    """
    while True:
        for worker in workers:
            if worker.exitcode:
                remedy = "run again, with fewer --jobs if memory was short; finished files are kept"
                raise UserError(f"a worker process ended with exit status {worker.exitcode}: {remedy}")
        try:
            message: int | UserError | None = messages.get(timeout=1.0)
        except queue.Empty:
            continue
        return message


def work(files: Sequence[JetFile], next_file: Any, messages: Any) -> None:
    """Make files in a worker process: take the next file until none is left."""
    signal.signal(signal.SIGTERM, lambda *_: exit_worker())

    def report(n_jets: int) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            exit_worker()
        messages.put(n_jets)

    while True:
        with next_file.get_lock():
            number = next_file.value
            next_file.value += 1
        if number >= len(files):
            return
        try:
            make_file(files[number], report)
        except UserError as error:
            messages.put(error)
            return
        messages.put(None)


def exit_worker() -> None:
    """End a worker process."""
    raise SystemExit(0)
