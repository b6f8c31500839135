"""The one exception whose message is meant for the person at the command line."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """A mistake the user can mend: the message names the thing and the remedy, in one line.

    At the command line it is shown without a traceback: by `run_script` for the scripts, by
    `hepjepa_weaver.hooks` for the network configs.
    """


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main` and turn a `UserError` into one line on stderr and exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
