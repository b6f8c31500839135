"""Checks of the checkpoint from which `--load-epoch` goes on: is it there, and is it whole?

After each epoch weaver writes two files, one after the other and straight to their final names. A run that is killed at
that moment, or whose disk is full, leaves one of them incomplete or missing.
"""

import glob
import re
import zipfile
from pathlib import Path

from hepjepa_weaver.common.errors import UserError

KINDS = ("state", "optimizer")
EPOCH = re.compile(rf"_epoch-(\d+)_(?:{'|'.join(KINDS)})\.pt$")


def checkpoint_files(prefix: str | Path, epoch: int) -> list[Path]:
    """Return the files that weaver writes after an epoch, in its order: weights and the optimiser's state."""
    return [Path(f"{prefix}_epoch-{epoch}_{kind}.pt") for kind in KINDS]


def epochs_there(prefix: str | Path) -> list[int]:
    """Return the epochs that have a checkpoint of any kind, whole or not, the newest first."""
    found = glob.glob(f"{glob.escape(str(prefix))}_epoch-*.pt")
    numbers = (EPOCH.search(path) for path in found)
    return sorted({int(number[1]) for number in numbers if number}, reverse=True)


def epochs_done(prefix: str | Path) -> int:
    """Return the number of epochs up to the newest one with two whole checkpoints.

    Checkpoints of earlier epochs may have been removed (weaver's `--auto-clean`).
    """
    return next((epoch + 1 for epoch in epochs_there(prefix) if is_whole(prefix, epoch)), 0)


def check_epoch(prefix: str | Path, epoch: int) -> None:
    """Check that both checkpoints of an epoch are there and whole.

    Raises:
        UserError: they are not. The message names the last epoch whose checkpoints are.
    """
    for path in checkpoint_files(prefix, epoch):
        damage = damage_of(path)
        if damage:
            earlier = (number for number in epochs_there(prefix) if number < epoch and is_whole(prefix, number))
            before = next(earlier, None)
            remedy = (
                f"go on with --load-epoch {before}, the last one that is whole"
                if before is not None
                else "no earlier epoch is whole: start anew without --load-epoch"
            )
            raise UserError(f"--load-epoch {epoch}: {path} {damage}; {remedy}")


def is_whole(prefix: str | Path, epoch: int) -> bool:
    """Tell whether both checkpoints of an epoch can be read to their last byte."""
    return not any(damage_of(path) for path in checkpoint_files(prefix, epoch))


def damage_of(path: Path) -> str:
    """Return the damage of a checkpoint in words; an empty text if there is none.

    A checkpoint is a zip archive: its list of contents stands at its end, and each content has a checksum.
    """
    if not path.is_file():
        return "is not there"
    try:
        with zipfile.ZipFile(path) as archive:
            rotten = archive.testzip()
    except Exception as error:  # a flipped bit may look like encryption, another compression or no text
        return f"is not whole ({error}): its writing was interrupted, or it is damaged"
    return f"is damaged (in {rotten})" if rotten else ""
