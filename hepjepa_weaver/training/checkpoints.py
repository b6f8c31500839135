"""Is the checkpoint there from which `--load-epoch` goes on, and is it whole?

Weaver writes two files after each epoch, one after the other and straight to their final names: a run that is killed at
that moment, or whose disk is full, leaves one of them half-written or missing.
"""

import zipfile
from pathlib import Path

from hepjepa_weaver.errors import UserError

KINDS = ("state", "optimizer")


def checkpoint_files(prefix: str | Path, epoch: int) -> list[Path]:
    """The files that weaver writes after an epoch, in its order: weights and the optimiser's state."""
    return [Path(f"{prefix}_epoch-{epoch}_{kind}.pt") for kind in KINDS]


def epochs_done(prefix: str | Path) -> int:
    """Number of epochs after which there are both checkpoints, whole as far as their ends tell, without a gap."""
    epoch = 0
    while all(zipfile.is_zipfile(path) for path in checkpoint_files(prefix, epoch)):
        epoch += 1
    return epoch


def check_epoch(prefix: str | Path, epoch: int) -> None:
    """Raise a UserError unless both checkpoints of an epoch are there and whole; it names the last epoch that is."""
    for path in checkpoint_files(prefix, epoch):
        damage = damage_of(path)
        if damage:
            earlier = (number for number in range(epoch - 1, -1, -1) if is_whole(prefix, number))
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
    except (zipfile.BadZipFile, OSError) as error:
        return f"is not whole ({error}): its writing was interrupted"
    return f"is damaged (in {rotten})" if rotten else ""
