"""What a message has to name. How it says so is left to the message."""

import re


def naming(*things: object) -> str:
    """A pattern for `pytest.raises(…, match=…)`: all of these are there, as whole words, in any order."""
    return "(?s)" + "".join(f"(?=.*{_whole(str(thing))})" for thing in things)


def names(message: str, *things: object) -> bool:
    """Whether all of these are in the message, as whole words."""
    return re.match(naming(*things), message) is not None


def _whole(text: str) -> str:
    """The text where no letter, digit or underscore goes on before or behind it."""
    before = r"(?<!\w)" if re.match(r"\w", text) else ""
    behind = r"(?!\w)" if re.search(r"\w$", text) else ""
    return before + re.escape(text) + behind
