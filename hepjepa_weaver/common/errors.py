"""The exception whose message is meant for the person at the command line."""

import sys
from collections.abc import Callable, Mapping


class UserError(Exception):
    """A mistake that the user can correct; the message names the thing and the remedy, in one line.

    The command line shows the message without a traceback. `run_script` does this for the scripts, and
    `hepjepa_weaver.host.explain` for the network configs.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, cut to 200 characters, or its type if it has no message."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def require_at_least(arguments: object, lowest: Mapping[str, int]) -> None:
    """Check numbers of a command line against their lower limits, given by name in `lowest`.

    Raises:
        UserError: a number, or one of a list of numbers, is below its limit.
    """
    for name, least in lowest.items():
        given = getattr(arguments, name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None and value < least:
                raise UserError(f"--{name.replace('_', '-')} is {value}: it has to be at least {least}")


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main` and turn its errors into one line on stderr and exit status 1.

    This covers `UserError` and files that cannot be written or read.
    """
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise  # it names nothing that a user could check
        sys.exit(f"error: {error.filename}: {error.strerror}: check the path, its permissions and the space left")
    except KeyboardInterrupt:
        sys.exit("interrupted")
