"""Start a pre-training, or go on where it was interrupted: `python -m hepjepa_weaver.grid.resume PREFIX SEED COMMAND`.

Prints what to add to the command: nothing at the start, else the epoch to load, and another seed, so that the batches
are not those of the first epochs again.
"""

import sys
from pathlib import Path

from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import UserError, run_script
from hepjepa_weaver.weaver_runs import epochs_done, resumed_seed


def words_to_resume(prefix: Path, seed: int, command: str) -> str:
    """Return the words for what is there of a run with this model prefix, and note the command beside it.

    Raises UserError where the checkpoints are those of another command.
    """
    note, done = prefix.with_name("command.txt"), epochs_done(prefix)
    if done and (not note.is_file() or note.read_text() != command):
        raise UserError(f"{prefix.parent} holds a pre-training by another command than the plan's: delete or rename it")
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(note) as temporary:
        temporary.write_text(command)
    return f"--load-epoch {done - 1} -o seed {resumed_seed(seed, done)}" if done else ""


def main() -> None:
    prefix, seed, command = sys.argv[1:]
    print(words_to_resume(Path(prefix), int(seed), command))


if __name__ == "__main__":
    run_script(main)
