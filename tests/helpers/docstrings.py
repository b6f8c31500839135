"""Docstrings of the package as a reader sees them: their owners, their sentences."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import markdown_pages as md

PACKAGE = md.REPOSITORY / "hepjepa_weaver"
SHAPE = re.compile(r"\([\w, +…-]*\)")
CITATION = re.compile(r"\[[^\]]*\]")
SECTION = re.compile(r"^\s*(Args|Attributes|Raises|References|Returns|Yields):$")
ENTRY = re.compile(r"^\s*\*{0,2}\w+(, \w+)*: ")


@dataclass(frozen=True)
class Docstring:
    """A docstring, or the text below a constant.

    Attributes:
        place: file and line, for messages.
        owner: what it belongs to; None for a constant.
    """

    place: str
    owner: ast.AST | None
    text: str

    @property
    def is_of_function(self) -> bool:
        """True for functions and methods, but not for properties, which are nouns."""
        if not isinstance(self.owner, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        return not any("property" in ast.unparse(decorator) for decorator in self.owner.decorator_list)

    @property
    def first_word(self) -> str:
        """The first word, without punctuation."""
        return self.text.split()[0].strip(",.:;")

    def sentences(self) -> list[str]:
        """The sentences; a shape in parentheses is one word, a citation in brackets none."""
        return md.sentences(CITATION.sub("", SHAPE.sub("shape", self._with_entries_apart())))

    def _with_entries_apart(self) -> str:
        """The text with an empty line before each entry of Args, Raises, …, and without the entries' names."""
        lines: list[str] = []
        in_section = False
        for line in self.text.splitlines():
            in_section = bool(SECTION.match(line)) or (in_section and bool(line.strip()))
            if SECTION.match(line):
                continue
            is_entry = in_section and ENTRY.match(line)
            lines += ["", ENTRY.sub("", line)] if is_entry else [line.strip() if in_section else line]
        return "\n".join(lines)


def files() -> list[Path]:
    """Return the modules of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def docstrings(path: Path) -> Iterator[Docstring]:
    """Yield the docstrings of a file, and the texts below its constants."""
    for node in ast.walk(ast.parse(path.read_text())):
        body = getattr(node, "body", None)
        for index, statement in enumerate(body if isinstance(body, list) else []):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    place = f"{path.relative_to(md.REPOSITORY)}:{statement.lineno}"
                    yield Docstring(place, None if index else node, inspect.cleandoc(text))
