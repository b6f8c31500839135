"""Is the checkpoint there from which `--load-epoch` goes on, and is it whole?

Weaver writes two files after each epoch, one after the other and straight to their final names: a run that is killed at
that moment, or whose disk is full, leaves one of them half-written or missing.
"""

import glob
import re
import zipfile
from pathlib import Path

from hepjepa_weaver.common.errors import UserError

KINDS = ("state", "optimizer")
EPOCH = re.compile(rf"_epoch-(\d+)_(?:{'|'.join(KINDS)})\.pt$")


def checkpoint_files(prefix: str | Path, epoch: int) -> list[Path]:
    """The files that weaver writes after an epoch, in its order: weights and the optimiser's state."""
    return [Path(f"{prefix}_epoch-{epoch}_{kind}.pt") for kind in KINDS]


def epochs_there(prefix: str | Path) -> list[int]:
    """Epochs of which there is a checkpoint of any kind, whole or not, the newest first."""
    found = glob.glob(f"{glob.escape(str(prefix))}_epoch-*.pt")
    numbers = (EPOCH.search(path) for path in found)
    return sorted({int(number[1]) for number in numbers if number}, reverse=True)


def epochs_done(prefix: str | Path) -> int:
    """Number of epochs up to the newest of which both checkpoints are whole; earlier ones may have been removed
    (weaver's `--auto-clean`)."""
    return next((epoch + 1 for epoch in epochs_there(prefix) if is_whole(prefix, epoch)), 0)


def check_epoch(prefix: str | Path, epoch: int) -> None:
    """Raise a UserError unless both checkpoints of an epoch are there and whole; it names the last epoch that is."""
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
    """Whether both checkpoints of an epoch can be read to their last byte."""
    return not any(damage_of(path) for path in checkpoint_files(prefix, epoch))


def damage_of(path: Path) -> str:
    """What is wrong with a checkpoint, in words; empty where nothing is.

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
