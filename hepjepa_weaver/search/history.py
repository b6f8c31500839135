"""How pre-trainings went, from weaver's logs."""

import re
from itertools import accumulate
from pathlib import Path

from hepjepa_weaver.evaluation.tables import markdown_table
from hepjepa_weaver.search.plan import Run
from hepjepa_weaver.search.results import with_blanks

LOGS = "pretrain_from-*.log"
"""Of a run and, sorted by name, of its continuations."""
SECONDS = re.compile(r"Processed \d+ jets in ([\d.]+) s ")
VALIDATION = re.compile(r"Validation: (.*)")
SCALAR = re.compile(r"(\S+)/eval \(epoch\) (\S+?)(?:,|$)")
SHOWN = {
    "loss": "Loss/total",
    "target std": "Pretrain/target_std",
    "event target std": "Pretrain/event_target_std",
    "effective rank": "Pretrain/effective_rank",
    "probe accuracy": "Pretrain/probe_accuracy",
}
"""Columns, and what is in them."""


def read_logs(folder: Path) -> str:
    """All logs of the pre-training in `folder`."""
    return "".join(path.read_text() for path in sorted(folder.glob(LOGS)))


def training_seconds(folder: Path) -> list[float]:
    """Wall time of training up to the end of each epoch."""
    return list(accumulate(float(seconds) for seconds in SECONDS.findall(read_logs(folder))))


def validations(folder: Path) -> list[dict[str, str]]:
    """What was logged after each epoch, by name."""
    return [dict(SCALAR.findall(line)) for line in VALIDATION.findall(read_logs(folder))]


def history_table(folders: dict[Run, Path], jets_per_epoch: int) -> str:
    """A Markdown table with a row for every run and epoch: whether it learned, or collapsed."""
    rows = [
        [
            run.name,
            str(run.seed),
            with_blanks(epoch * jets_per_epoch),
            *(scalars.get(tag, "–") for tag in SHOWN.values()),
        ]
        for run, folder in folders.items()
        for epoch, scalars in enumerate(validations(folder), start=1)
    ]
    return markdown_table(["setting", "seed", "jets seen", *SHOWN], rows, words=1)
