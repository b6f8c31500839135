"""Start a pre-training, or go on where it was interrupted.

python -m hepjepa_weaver.grid.resume PREFIX SEED TRAIN VAL COMMAND

Prints what to add to the command: nothing at the start, else the epoch to load, and another seed, so that the batches
are not those of the first epochs again.
"""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import UserError, run_script
from hepjepa_weaver.grid.layout import files_of
from hepjepa_weaver.training.checkpoints import epochs_done
from hepjepa_weaver.weaver_runs import resumed_seed


def words_to_resume(prefix: Path, seed: int, jets: Sequence[str], command: str) -> str:
    """Return the words for what is there of a run with this model prefix, and note beside it what it is made by.

    jets: the directories, files or patterns that it reads. Raises UserError where the checkpoints are those of another
    command or of other jets, be it in files of the same names.
    """
    note, done = prefix.with_name("command.txt"), epochs_done(prefix)
    made_by = f"{command}\n# jets {identity(jets)}\n"
    if done and (not note.is_file() or note.read_text() != made_by):
        raise UserError(
            f"{prefix.parent} holds a pre-training by another command than the plan's, or on other jets: delete or "
            "rename it"
        )
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(note) as temporary:
        temporary.write_text(made_by)
    return f"--load-epoch {done - 1} -o seed {resumed_seed(seed, done)}" if done else ""


def identity(jets: Sequence[str]) -> str:
    """Return a word that is another one where any file has been written anew."""
    paths = [Path(path) for place in jets for path in files_of(place, "")]
    lines = [f"{path} {kind_of(path).file_identity(path)}" for path in paths]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def main() -> None:
    prefix, seed, train, val, command = sys.argv[1:]
    print(words_to_resume(Path(prefix), int(seed), [train, val], command))


if __name__ == "__main__":
    run_script(main)
