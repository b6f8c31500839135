"""Tables and values with errors, in Markdown."""

import math
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.errors import UserError


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """Return a Markdown table; the first `words` columns are left-aligned, the others right-aligned."""
    lines = [heads, ["---"] * words + ["---:"] * (len(heads) - words), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def require_markdown(path: Path) -> None:
    """Check the name of a report before hours of work for it.

    Raises:
        UserError: it is no name of a Markdown file.
    """
    if path.suffix != ".md" or path.is_dir():
        raise UserError(f"{path}: the report is Markdown, and the rest goes next to it: give a name that ends in .md")


def plus_minus(value: float, error: float) -> str:
    """Return `value ± error` with two significant digits of the error, which must be above 0."""
    decimals = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"
