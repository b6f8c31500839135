"""What to add to a pre-training command after an interruption: `python -m hepjepa_weaver.grid.resume PREFIX SEED`.

Prints nothing where there is no checkpoint. The seed changes, so that the batches are not those of the first epochs.
"""

import sys
from pathlib import Path

from hepjepa_weaver.weaver_runs import epochs_done

EPOCHS_APART = 1000  # seeds of what goes on after an interruption


def words_to_resume(prefix: Path, seed: int) -> str:
    """Return the words for what is there of a run with this model prefix."""
    done = epochs_done(prefix)
    return f"--load-epoch {done - 1} -o seed {seed + EPOCHS_APART * done}" if done else ""


if __name__ == "__main__":
    print(words_to_resume(Path(sys.argv[1]), int(sys.argv[2])))
