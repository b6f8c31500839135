"""Error messages in one line, for the person at the command line, instead of a traceback."""

import errno
import re
import sys
from traceback import walk_tb
from types import TracebackType

from hepjepa_weaver.common.errors import UserError

NOTHING_READ = re.compile(r"Zero entries loaded when reading files \[(.*?)\]")
"""Message of weaver's error when it reads no jets; the error may come from a worker process."""


WEAVERS_OWN = ("Must set --", "Please use either `--")
"""Starts of weaver's own words about options that do not go together."""
NO_GPU = "Cannot access accelerator device"
"""Message of torch where a device is asked for by its number, and there is none."""
IN_WORKER = re.compile(r"Caught \w+ in DataLoader worker process")
"""Start of the message of an error that torch passes on from a worker process."""
ERROR_LINE = re.compile(r"^([\w.]+): (.*)$", re.MULTILINE)
"""The line of a traceback that names the error."""


def show_user_errors_in_one_line() -> None:
    """Replace `sys.excepthook`, so that mistakes of the user end in one line on stderr instead of a traceback.

    This covers an uncaught UserError, a missing checkpoint that weaver tries to open, and what else `explain` knows.
    Any other error keeps its traceback.
    """
    previous = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = explain(error)
        if message is None:
            previous(kind, error, trace)
        else:
            print(f"hepjepa_weaver: error: {message}", file=sys.stderr)

    sys.excepthook = show


def explain(error: BaseException) -> str | None:
    """Return the line for the user, or None if the error is not the user's mistake."""
    looks = (_explain_worker, _explain_words, _explain_place, _explain_file, _explain_checkpoint)
    return next((line for look in looks if (line := look(error)) is not None), None)


def _explain_words(error: BaseException) -> str | None:
    """Return the line for the user of an error that is known by its words, or None."""
    message = str(error)
    if isinstance(error, UserError) or (isinstance(error, RuntimeError) and message.startswith(WEAVERS_OWN)):
        return message
    if (isinstance(error, SyntaxError) and error.filename == "<unknown>") or message.startswith("malformed node"):
        return "the value of an option is no Python value, as (0.3, 0.5) or True"
    if NO_GPU in message:
        return "torch sees no GPU here, and weaver takes number 0: give --gpus '' for the CPU"
    nothing_read = NOTHING_READ.search(message)
    if nothing_read:
        return (
            f"no jet of {nothing_read[1]} could be read (see above): leave these files out, or let several be read at "
            "once (fewer --num-workers, no --fetch-by-files)"
        )
    return None


def _explain_place(error: BaseException) -> str | None:
    """Return the line for the user of an error without words that is known by where weaver raises it, or None."""
    place = [frame.f_code.co_name for frame, _ in walk_tb(error.__traceback__)][-1:]
    if isinstance(error, ZeroDivisionError) and place == ["main"]:
        return "--train-val-split is 0: give a fraction between 0 and 1, or --data-val with --steps-per-epoch-val"
    if isinstance(error, AssertionError) and place == ["to_filelist"]:
        return "a group has fewer files than there are processes, or a file is named twice: look at the input files"
    return None


def _explain_file(error: BaseException) -> str | None:
    """Return the line for the user of a file or folder that cannot be read or written, or None."""
    if not isinstance(error, OSError) or not error.filename:
        return None
    path = str(error.filename)
    if path.endswith(".auto.yaml"):
        return (
            f"{path}: {error.strerror}: weaver writes its standardisation and weights beside the data config; copy "
            "the data config to a folder of yours"
        )
    if path.endswith((".yaml", ".yml")):
        return f"{path}: {error.strerror}: check --data-config, --data-config-val and --data-config-test"
    if error.errno in (errno.EACCES, errno.EROFS, errno.ENOSPC):
        return f"{path}: {error.strerror}: go to a folder that can be written to, with space left"
    return None


def _explain_worker(error: BaseException) -> str | None:
    """Return the line for the user of an error in a process that reads jets, whose message is a traceback, or None."""
    if not IN_WORKER.match(str(error)):
        return None
    raised = ERROR_LINE.findall(str(error))
    kind, message = raised[-1] if raised else (type(error).__name__, "")
    if isinstance(error, UserError):
        return str(message)
    if NOTHING_READ.search(message):
        return explain(RuntimeError(message))
    name = kind.rpartition(".")[2]
    return f"a process that reads jets has failed ({name}: {message[:200]}): --num-workers 0 shows where"


def _explain_checkpoint(error: BaseException) -> str | None:
    """Return the line for the user of an error about a checkpoint, or None."""
    if isinstance(error, OSError) and _is_checkpoint(str(error.filename)):
        return f"{error.filename}: {error.strerror}; check --load-model-weights, --load-epoch and --model-prefix"
    in_torch = [
        frame.f_code.co_name
        for frame, _ in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__") == "torch.serialization"
    ]
    if "save" in in_torch:
        return (
            f"a checkpoint could not be written ({error}): look for space and permissions where --model-prefix points "
            "to, then go on with --load-epoch"
        )
    if in_torch:
        return "the checkpoint is damaged or none at all; check --load-model-weights, --load-epoch and --model-prefix"
    if isinstance(error, RuntimeError) and str(error).startswith("Error(s) in loading state_dict"):
        first = str(error).splitlines()[1].strip()
        return f"the checkpoint does not fit: use the data config and -o options of its training ({first[:200]} …)"
    return None


def _is_checkpoint(path: str) -> bool:
    """Tell whether weaver was asked to load this file as a network."""
    return path.endswith((".pt", ".onnx")) or any(path == word.partition(":")[0] for word in sys.argv[1:])
