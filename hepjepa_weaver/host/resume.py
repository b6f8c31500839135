"""A weaver command that goes on where an earlier run of it was interrupted."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.jet_files import KINDS
from hepjepa_weaver.datasets.root_files import UNREADABLE
from hepjepa_weaver.host.input_files import matching_files
from hepjepa_weaver.training.checkpoints import damage_of, epochs_done, epochs_there, is_whole
from hepjepa_weaver.weaver_api.command import command_line_parser


def resumed(command: Sequence[str]) -> list[str]:
    """Return the command (words) to run now, and note it beside its checkpoints.

    At the start the command is unchanged. Later it loads the last whole epoch and has another seed, so that the batches
    of the first epochs do not come again.

    Raises:
        UserError: the command has no `--model-prefix` of its own, or is a cross-validation. Also if the checkpoints
            belong to another command or to other jets, even in files of the same names.
    """
    start = next((place for place, word in enumerate(command) if Path(word).name == "weaver"), None)
    if start is None:
        raise UserError("give a whole command, as weaver --network-config … or torchrun … weaver --network-config …")
    args, _ = command_line_parser().parse_known_args(list(command[start + 1 :]))
    if not args.model_prefix or "{auto}" in args.model_prefix or args.load_epoch is not None:
        raise UserError("the command needs a --model-prefix of its own (no {auto}), and no --load-epoch")
    if args.cross_validation:
        raise UserError(
            "a --cross-validation is not resumed: weaver keeps each fold in a folder of its own; run the folds one by "
            "one, with --extra-selection-train, -val and -test, each with its own --model-prefix"
        )
    prefix = Path(args.model_prefix)
    note, done = prefix.with_name(f"{prefix.name}_command.txt"), epochs_to_keep(prefix, args)
    made_by = f"{' '.join(command)}\n# jets {identity([*args.data_train, *args.data_val])}\n"
    if epochs_there(prefix):
        _check_note(note, made_by, prefix)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(note) as temporary:
        temporary.write_text(made_by)
    return [*command, *(_continued(args, done) if done else [])]


def _check_note(note: Path, made_by: str, prefix: Path) -> None:
    """Raise a UserError unless the checkpoints of `prefix` have a note, and it is `made_by`."""
    if not note.is_file():
        raise UserError(
            f"{prefix}_epoch-*.pt were not written by `hepjepa resume` ({note} is missing): go on with "
            "`weaver … --load-epoch N`, or choose another --model-prefix"
        )
    if note.read_text() != made_by:
        raise UserError(
            f"{prefix}_epoch-*.pt are of another command than this one, or of other jets (see {note}): give that "
            "command and those jets, or choose another --model-prefix"
        )


def epochs_to_keep(prefix: Path, args: Any) -> int:
    """Return the number of epochs that need not be trained again.

    These are the epochs done. If the run was killed before it had a best epoch, the last one is repeated. This needs
    the epoch before to start from.

    Args:
        prefix: prefix of the checkpoints.
        args: weaver's parsed command line.
    """
    done = epochs_done(prefix)
    has_best = "val" not in args.run_mode or not damage_of(Path(f"{prefix}_best_epoch_state.pt"))
    can_repeat = done == 1 or is_whole(prefix, done - 2)
    return done if done < args.num_epochs or has_best or not can_repeat else args.num_epochs - 1


def identity(patterns: Sequence[str]) -> str:
    """Return a text that changes when any of the files is written anew.

    Args:
        patterns: files as weaver takes them.
    """
    identities = (f"{path} {_file_identity(Path(path))}" for path in matching_files(patterns))
    return hashlib.sha256("\n".join(identities).encode()).hexdigest()


def _continued(args: Any, done: int) -> list[str]:
    seeds = [int(value) for name, value in args.network_option if name == "seed"]
    seed = ["-o", "seed", str(resumed_seed(seeds[-1], done))] if seeds and seeds[-1] >= 0 else []
    return ["--load-epoch", str(done - 1), *seed]


def _file_identity(path: Path) -> str:
    """Return the identity of a file, or its size if it cannot be read or its kind has no identity."""
    try:
        return KINDS[path.suffix].file_identity(path)
    except UNREADABLE:
        return str(path.stat().st_size)


EPOCHS_APART = 1000


def resumed_seed(seed: int, epochs: int) -> int:
    """Return the seed of a run that goes on after `epochs`; the first seed would repeat the first batches."""
    return seed + EPOCHS_APART * epochs
