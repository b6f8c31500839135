"""Training curves: the scalars that weaver's TensorBoard helper wrote (`weaver --tensorboard COMMENT`)."""

import glob
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepjepa_weaver.common.errors import UserError


@dataclass(frozen=True)
class Curve:
    """One scalar over a run, sorted by step; a step written twice keeps its last value.

    Attributes:
        steps: (T,), optimiser step or, for tags that end in "(epoch)", the epoch.
        values: (T,), value of the scalar at each step.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


Curves = dict[str, Curve]  # by TensorBoard tag; a tag not written by the run is absent


def newest_run(pattern: str) -> Path:
    """Return the run directory that `pattern` names.

    Weaver names its directories `runs/DATE_HOST` plus the comment, so a caller knows only `runs/*COMMENT`. A resumed
    run has one directory for each part. If several directories fit, the last one written is taken, with a note on
    stderr.

    Raises:
        UserError: no directory with event files fits.
    """
    candidates = [pattern] if Path(pattern).is_dir() else glob.glob(pattern)
    files = [file for run in candidates for file in _event_files(Path(run))]
    if not files:
        raise UserError(f"{pattern}: no TensorBoard event files: run weaver with --tensorboard")
    newest = max(files, key=lambda file: file.stat().st_mtime).parent
    if len({file.parent for file in files}) > 1:
        print(f"{pattern} names several runs: {newest} was written last and is shown, alone", file=sys.stderr)
    return newest


def read_curves(run: Path) -> Curves:
    """Return every scalar of the run directory `run`.

    Raises:
        UserError: the directory holds no event files.
    """
    # TensorBoard takes a second to load; metrics and tables do without it.
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
        SCALARS,
        EventAccumulator,
    )

    if not run.is_dir() or not _event_files(run):
        raise UserError(f"{run}: no TensorBoard event files: run weaver with --tensorboard")
    events = EventAccumulator(str(run), size_guidance={SCALARS: 0})  # 0: every point, not a sample
    events.Reload()
    return {tag: _curve(events.Scalars(tag)) for tag in events.Tags()[SCALARS]}


def _curve(events: list[Any]) -> Curve:
    """Return the curve made of TensorBoard's scalar events."""
    by_step = {event.step: event.value for event in events}
    steps = sorted(by_step)
    return Curve(np.array(steps, dtype=np.int64), np.array([by_step[step] for step in steps], dtype=np.float64))


def _event_files(run: Path) -> list[Path]:
    return sorted(run.glob("events.out.tfevents.*"))
