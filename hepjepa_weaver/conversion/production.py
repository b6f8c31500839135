"""Conversion of many files: the plan, the workers, the progress bar, and files that are there already."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.expressions import evaluated
from hepjepa_weaver.common.workers import Report, do_tasks, make_folder
from hepjepa_weaver.conversion.constituents import Bools
from hepjepa_weaver.conversion.jet_batch import JET_COLUMNS, PARTICLE_COLUMNS, JetBatch, jet_columns, table_of
from hepjepa_weaver.conversion.layouts import LAYOUTS
from hepjepa_weaver.conversion.momenta import sum_of
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.conversion.self_check import SelfCheck
from hepjepa_weaver.datasets import parquet_files, root_files
from hepjepa_weaver.datasets.pieces import larger_pieces

FORMATS = ("root", "parquet")
PARTICLE_COUNTER = "npart"


@dataclass(frozen=True)
class Settings:
    """What decides the content of converted files, besides the input.

    Attributes:
        layout: name of the input's layout.
        request: what the reader needs.
        where: expression that chooses jets; "" chooses all.
        file_format: ending of the files to write.
    """

    layout: str
    request: Request
    where: str
    file_format: str


@dataclass(frozen=True)
class Conversion:
    """One file to convert."""

    source: Path
    target: Path
    settings: Settings

    @property
    def note(self) -> str:
        """What decides the content of the file, as text that it holds: another source or option is found by it."""
        source = {"source": self.source.name, "bytes": self.source.stat().st_size}
        return json.dumps({**source, **asdict(self.settings)}, ensure_ascii=False)


def plan_conversion(sources: Sequence[Path], folder: Path, settings: Settings) -> list[Conversion]:
    """Return all files to convert, each to a file of its own name.

    Raises:
        UserError: a file is missing, two share a name, or the folder holds a source or files of other settings. Also if
            a column is one that the command writes.
    """
    written = [name for name in settings.request.columns
               if name in JET_COLUMNS or name.startswith(("part_", "sv_", "label_"))]  # fmt: skip
    if written:
        raise UserError(
            f"--columns {' '.join(written)}: the command writes columns of that name itself: leave them out"
        )
    plan = [Conversion(path, folder / f"{path.stem}.{settings.file_format}", settings) for path in sources]
    for conversion in plan:
        if not conversion.source.is_file():
            raise UserError(f"{conversion.source} is not there: look for a typing error")
        if conversion.source.resolve() == conversion.target.resolve():
            raise UserError(f"{folder} holds the source files: choose another -o")
    names = [conversion.target.name for conversion in plan]
    for conversion in plan:
        if names.count(conversion.target.name) > 1:
            raise UserError(f"{conversion.source.name} is given twice: convert files of one name to different folders")
    for conversion in plan:
        if conversion.target.exists() and note_of(conversion.target) != conversion.note:
            raise UserError(f"{conversion.target} is there, and was made of another file or with other options: choose "
                            "another -o, or remove it")  # fmt: skip
    return plan


def note_of(path: Path) -> str | None:
    """Return the note of a converted file; None for any other file."""
    return parquet_files.note_of(path) if path.suffix == ".parquet" else root_files.note_of(path)


def convert_all(plan: Sequence[Conversion], folder: Path, n_workers: int) -> tuple[SelfCheck, int]:
    """Convert the files that are not there yet; return what was found in them, and their number.

    Raises:
        UserError: a file cannot be read or written, or a check of its jets fails.
    """
    missing = [conversion for conversion in plan if not conversion.target.exists()]
    make_folder(folder)
    entries = sum(LAYOUTS[job.settings.layout].count_entries(job.source) for job in missing)
    with tqdm(total=entries, unit="entry", disable=not missing, smoothing=0.05) as bar:
        found = do_tasks(convert, missing, [folder], n_workers, bar.update)
    check = SelfCheck()
    for of_file in found:
        check = check.joined(of_file)
    return check, len(missing)


def convert(job: Conversion, report: Report) -> SelfCheck:
    """Write the jets of one file, whole or not at all, and return what was found in them.

    Raises:
        UserError: the file cannot be read or written, or a check of its jets fails.
    """
    check = SelfCheck()
    tables = larger_pieces(checked_tables(job, check, report))
    try:
        if job.settings.file_format == "parquet":
            parquet_files.write_parquet(tables, job.target, job.note)
        else:
            counters = dict.fromkeys(PARTICLE_COLUMNS, PARTICLE_COUNTER)
            root_files.write_jets(tables, job.target, counters, note=job.note)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {job.target}: {reason}; make room or choose another directory") from error
    return check


def checked_tables(job: Conversion, check: SelfCheck, report: Report) -> Iterator[Any]:
    """Yield the tables of a file; the checks come behind the last one, before the file gets its name."""
    reader, settings = LAYOUTS[job.settings.layout], job.settings
    for batch in reader.read(job.source, settings.request):
        parts = batch.constituents.by_falling_pt()
        total = sum_of(parts, batch.number)
        axis, counts = batch.axis or total, parts.counts(batch.number)
        chosen = selected(settings.where, {**jet_columns(axis, counts), **batch.columns}, batch)
        table = table_of(batch, parts, axis, chosen)
        check.add(batch, parts, total, table)
        report(batch.entries)
        if len(table):
            yield table
    check.require_good(str(job.source), reader.D0_ERROR)


def selected(where: str, columns: dict[str, Any], batch: JetBatch) -> Bools:
    """Return which jets (J,) an expression chooses.

    Raises:
        UserError: the expression is wrong, or its value is no flag for each jet.
    """
    if not where:
        return np.ones(batch.number, dtype=bool)
    names = {name: np.asarray(values) for name, values in columns.items() if values.ndim == 1}
    try:
        found = np.asarray(evaluated(where, names))
    except (ValueError, TypeError) as error:
        raise UserError(f"--where {where}: {error}; columns are {', '.join(names)}") from error
    if found.dtype != bool or found.shape != (batch.number,):
        raise UserError(f"--where {where} is no condition on each jet: write one such as 'jet_pt > 300'")
    return found
