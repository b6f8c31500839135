"""How pre-trainings went, from weaver's logs."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.search.plan import Run
from hepjepa_weaver.search.result_tables import with_blanks

LOGS = "pretrain_from-*.log"
"""Of a run and, sorted by name, of its continuations."""
LINE = re.compile(r"Epoch #(\d+) training|Processed \d+ jets in ([\d.]+) s |Validation: (.*)")
SCALAR = re.compile(r"(\S+)/eval \(epoch\) (\S+?)(?:,|$)")
SHOWN = {
    "loss": "Loss/total",
    "target std": "Pretrain/target_std",
    "event target std": "Pretrain/event_target_std",
    "effective rank": "Pretrain/effective_rank",
    "probe accuracy": "Pretrain/probe_accuracy",
}
"""Columns, and what is in them."""


@dataclass
class Epoch:
    """Wall time of training, and what was logged of the validation jets, by name."""

    seconds: float = 0.0
    scalars: dict[str, str] = field(default_factory=dict)


def read_epochs(folder: Path) -> dict[int, Epoch]:
    """The epochs, from 1, of the pre-training in `folder`; one that was interrupted and repeated, as it was in the
    end."""
    epochs: dict[int, Epoch] = {}
    current = Epoch()
    for log in sorted(folder.glob(LOGS)):
        for number, seconds, scalars in LINE.findall(log.read_text()):
            if number:
                current = epochs[int(number) + 1] = Epoch()
            elif seconds:
                current.seconds = float(seconds)
            else:
                current.scalars = dict(SCALAR.findall(scalars))
    return epochs


def training_seconds(folder: Path, epochs: int) -> float:
    """Wall time of training for the first `epochs`."""
    return sum(epoch.seconds for number, epoch in read_epochs(folder).items() if number <= epochs)


def history_table(folders: dict[Run, Path], jets_per_epoch: int) -> str:
    """A Markdown table with a row for every run and epoch: whether it learned, or collapsed."""
    rows = [
        [run.name, str(run.seed), with_blanks(number * jets_per_epoch), *shown(epoch)]
        for run, folder in folders.items()
        for number, epoch in sorted(read_epochs(folder).items())
    ]
    return markdown_table(["setting", "seed", "jets seen", *SHOWN], rows, words=1)


def shown(epoch: Epoch) -> list[str]:
    """The columns of an epoch."""
    return [epoch.scalars.get(tag, "–") for tag in SHOWN.values()]
