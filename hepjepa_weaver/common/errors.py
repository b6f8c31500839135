"""The one exception whose message is meant for the person at the command line."""

import sys
from collections.abc import Callable, Mapping


class UserError(Exception):
    """A mistake the user can mend: the message names the thing and the remedy, in one line.

    At the command line it is shown without a traceback: by `run_script` for the scripts, by
    `hepjepa_weaver.host.explain` for the network configs.
    """


def require_at_least(arguments: object, lowest: Mapping[str, int]) -> None:
    """Raise a UserError if a number of a command line, or one of a list of them, is below its `lowest`, by name."""
    for name, least in lowest.items():
        given = getattr(arguments, name)
        for value in given if isinstance(given, list) else [given]:
            if value is not None and value < least:
                raise UserError(f"--{name.replace('_', '-')} is {value}: it has to be at least {least}")


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main` and turn a `UserError`, or a file that cannot be made or read, into one line on stderr and
    exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.filename is None or error.strerror is None:
            raise  # nothing that a user could look at
        sys.exit(f"error: {error.filename}: {error.strerror}: check the path, its permissions and the space left")
    except KeyboardInterrupt:
        sys.exit("interrupted")
