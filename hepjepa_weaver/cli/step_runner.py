"""A runner of steps, as many side by side as there are cores.

It keeps the log and the wall time of each step. It prints one line per step, with the time left.
"""

import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from hepjepa_weaver.common.errors import UserError

MOST_THREADS = 8
"""Largest number of threads of one step; the networks are too small for more."""


@dataclass(frozen=True)
class Step:
    """A command.

    Attributes:
        name: name of its log.
        title: what the command does, for people.
        command: its words.
        seconds: rough wall time on one core, from which the time left is estimated.
    """

    name: str
    title: str
    command: tuple[str, ...]
    seconds: float


Stage = tuple[Step, ...]
"""Steps that need no results of one another."""


@dataclass
class Runner:
    """A run of stages one after the other, the steps of each side by side.

    Args:
        stages: steps, stage by stage.
        cores: number of steps at a time, at most.
        output: folder for logs/ and commands.log, which has a line `seconds<TAB>command` for each step that is done.
    """

    stages: Sequence[Stage]
    cores: int
    output: Path
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.plan, self.total = planned_starts(self.stages, self.cores)
        self.lock, self.processes = threading.Lock(), list[subprocess.Popen[bytes]]()
        self.number, self.has_failed = 0, False

    def run(self) -> float:
        """Run all stages and return their wall time in seconds.

        Raises:
            UserError: a step failed; the message names its log. Steps beside it are ended.
        """
        (self.output / "logs").mkdir(parents=True, exist_ok=True)
        (self.output / "commands.log").write_text("")
        for stage in self.stages:
            self._run_stage(stage)
        return time.monotonic() - self.started

    def _run_stage(self, stage: Stage) -> None:
        at_once = min(self.cores, len(stage))
        threads = min(MOST_THREADS, max(1, self.cores // at_once))
        with ThreadPoolExecutor(at_once) as pool:
            futures = [pool.submit(self._run, step, threads) for step in stage]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self._end_all()
                raise

    def _run(self, step: Step, threads: int) -> None:
        log, start = self.output / "logs" / f"{step.name}.log", time.monotonic()
        with log.open("wb") as file, self.lock:
            if self.has_failed:
                return
            self._announce(step, log)
            process = subprocess.Popen(
                executable(step.command), stdout=file, stderr=subprocess.STDOUT, env=environment(threads)
            )
            self.processes.append(process)
        if process.wait():
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise UserError(f"{step.name} failed, see {log}: {' / '.join(last)}")
        with self.lock, (self.output / "commands.log").open("a") as file:
            file.write(f"{time.monotonic() - start:.0f}\t{as_typed(step.command)}\n")

    def _announce(self, step: Step, log: Path) -> None:
        self.number += 1
        steps = sum(map(len, self.stages))
        elapsed, planned = time.monotonic() - self.started, self.plan[step.name]
        pace = elapsed / planned if planned > 0 else 1.0
        left = (self.total - planned) * pace
        print(f"[{clock(elapsed)}] {self.number}/{steps} {step.title} ({log}); {in_words(left)} left", flush=True)

    def _end_all(self) -> None:
        with self.lock:
            self.has_failed = True
            for process in self.processes:
                if process.poll() is None:
                    process.terminate()


def planned_starts(stages: Sequence[Stage], cores: int) -> tuple[dict[str, float], float]:
    """Return when each step would start, and all be done, if every step took its `seconds`."""
    starts, now = {}, 0.0
    for stage in stages:
        free = [now] * min(cores, len(stage))
        for step in stage:
            start = min(free)
            starts[step.name] = start
            free[free.index(start)] = start + step.seconds
        now = max(free)
    return starts, now


def executable(command: Sequence[str]) -> list[str]:
    """Return the command with the program of this environment, whether its folder is in PATH or not."""
    if command[0] == "hepjepa":
        return [sys.executable, "-m", "hepjepa_weaver.cli", *command[1:]]
    beside = Path(sys.executable).parent / command[0]
    return [str(beside) if beside.exists() else command[0], *command[1:]]


def environment(threads: int) -> dict[str, str]:
    """Return the environment of this process, with the number of threads for torch."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def as_typed(command: Sequence[str]) -> str:
    """Return the command as one types it in a shell."""
    return shlex.join(command)


def clock(seconds: float) -> str:
    """Return minutes and seconds, as 3:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def in_words(seconds: float) -> str:
    """Return a rough duration, for people."""
    return f"about {round(seconds / 60)} min" if seconds >= 90 else f"about {max(10, round(seconds, -1)):.0f} s"
