"""Worker processes that make files, one task after the other, and leave no unfinished ones behind."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import remove_partial

GRACE = 10.0
"""Seconds for a worker process to end by itself, after the last task or SIGTERM."""
TERMINATED = 128 + signal.SIGTERM
"""Exit status of a worker process after SIGTERM."""
Task = TypeVar("Task")
Result = TypeVar("Result")
Report = Callable[[int], object]
"""Takes the number of items done since the last call."""
Work = Callable[[Task, Report], Result]
"""Does a task. For worker processes, it has to be a function at the top of a module."""


@dataclass(frozen=True)
class Done:
    """Message of a worker that has finished a task: its place among the tasks, and the result."""

    place: int
    result: Any


def make_folder(folder: Path) -> None:
    """Make a folder and check that files can be written there.

    Raises:
        UserError: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another directory") from error


def do_tasks(
    work: Work[Task, Result], tasks: Sequence[Task], folders: Sequence[Path], n_workers: int, report: Report
) -> list[Result]:
    """Do all tasks, in this process or in several worker processes, and return their results.

    Args:
        work: does one task.
        tasks: what to do.
        folders: where the tasks write files.
        n_workers: largest number of processes; 1 takes this one.
        report: takes the number of items done.

    Raises:
        UserError: a task failed, or a worker process ended.
    """
    with terminate_as_interrupt():
        if n_workers == 1:
            return [work(task, report) for task in tasks]
        return run_workers(work, tasks, folders, min(n_workers, len(tasks)), report)


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM (a batch system's time limit) like Ctrl-C, so that no incomplete file is left."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_workers(
    work: Work[Task, Result], tasks: Sequence[Task], folders: Sequence[Path], n_workers: int, report: Report
) -> list[Result]:
    """Distribute tasks to worker processes; end all of them if one fails, or on Ctrl-C."""
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    next_task = context.Value("l", 0)
    arguments = (work, tasks, next_task, messages)
    workers = [context.Process(target=work_through, args=arguments, daemon=True) for _ in range(n_workers)]
    results: dict[int, Result] = {}
    try:
        start_deaf(workers)
        while len(results) < len(tasks):
            message = receive(messages, workers)
            if isinstance(message, UserError):
                raise message
            if isinstance(message, Done):
                results[message.place] = message.result
            else:
                report(message)
        for worker in workers:  # a signal while one ends would show as a stray SystemExit
            worker.join(timeout=GRACE)
    finally:
        end_processes(workers)
        remove_partial(folders, [worker.pid for worker in workers if worker.pid])
    return [results[place] for place in range(len(tasks))]


def start_deaf(workers: Sequence[Any]) -> None:
    """Start processes that ignore Ctrl-C, which a terminal sends to all of its processes; the parent ends them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for worker in workers:
            worker.start()
    finally:
        signal.signal(signal.SIGINT, before)


def end_processes(workers: Sequence[Any]) -> None:
    """End processes; one that does not end within the time of grace is killed."""
    started = [worker for worker in workers if worker.pid is not None]
    for worker in started:
        worker.terminate()
    for worker in started:
        worker.join(timeout=GRACE)
        if worker.exitcode is None:
            worker.kill()
            worker.join()


def receive(messages: Any, workers: Sequence[Any]) -> int | UserError | Done:
    """Return the next message of a worker: number of items done, a finished task, or a UserError.

    Raises:
        UserError: a worker process ended with an error.
    """
    while True:
        for worker in workers:
            if worker.exitcode:
                remedy = "run again, with fewer --jobs if memory was short; finished files are kept"
                raise UserError(f"a worker process ended with exit status {worker.exitcode}: {remedy}")
        try:
            message: int | UserError | Done = messages.get(timeout=1.0)
        except queue.Empty:
            continue
        return message


def work_through(work: Work[Task, Any], tasks: Sequence[Task], next_task: Any, messages: Any) -> None:
    """Do tasks in a worker process: take the next one until none is left."""
    # An exception could be raised in a destructor, which ignores it, or with a lock of the queue in hand.
    # The parent removes the unfinished file.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))

    def report(number: int) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None and not parent.is_alive():
            raise SystemExit(0)
        messages.put(number)

    while True:
        with next_task.get_lock():
            place = next_task.value
            next_task.value += 1
        if place >= len(tasks):
            return
        try:
            result = work(tasks[place], report)
        except UserError as error:
            messages.put(error)
            return
        messages.put(Done(place, result))
