"""The one exception whose message is meant for the person at the command line."""


class UserError(Exception):
    """A mistake the user can mend: the message names the thing and the remedy, in one line.

    At the command line it is shown without a traceback (``hooks.show_user_errors_in_one_line`` for the
    network configs, ``run_script`` for scripts).
    """
