"""README and the pages under docs/ as a reader sees them: sentences, links, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(```|~~~)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
ANCHOR = re.compile(r'<a id="([\w-]+)"></a>')
LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]+)\)")
CODE = re.compile(r"(`+)(.+?)\1")
SENTENCE_END = re.compile(r"(?<=[.!?])[)*_\"”]*\s+")
LIST_ITEM = re.compile(r"^\s*([-*+]|\d+\.)\s+")
COMMANDS = ("weaver", "hepjepa", "scripts/", "snakemake", "sbatch", "condor_submit", "torchrun", "pip", "python")
PLACEHOLDERS = ("...", "…")


def pages() -> list[Path]:
    """README.md and docs/*.md."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def without_code(text: str) -> str:
    """A page without its fenced and indented code; an indented block stands after an empty line, outside of lists."""
    kept: list[str] = []
    in_fence = in_block = False
    for line in text.splitlines():
        if FENCE.match(line):
            in_fence = not in_fence
            continue
        starts_block = line.startswith("    ") and not (kept and kept[-1].strip())
        in_block = line.startswith("    ") and (in_block or starts_block)
        if not in_fence and not in_block:
            kept.append(line)
        elif kept and kept[-1].strip():
            kept.append("")
    return "\n".join(kept)


def code_lines(text: str) -> Iterator[str]:
    """Logical lines of fenced and indented code: a backslash at the end of a line goes on with the next."""
    prose, joined = set(without_code(text).splitlines()), ""
    in_fence = False
    for line in text.splitlines():
        if FENCE.match(line):
            in_fence = not in_fence
            continue
        if not in_fence and (not line.startswith("    ") or line in prose):
            continue
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        yield joined
        joined = ""


def commands(page: Path) -> list[list[str]]:
    """The words of each command in the code of a page: without settings of variables before it, comments and
    placeholders, and with `\"$(hepjepa where NAME)\"` as one word."""
    found = []
    for line in code_lines(page.read_text()):
        words = shlex.split(line.removeprefix("$ "), comments=True) if line.startswith(("$ ", *_starts())) else []
        while words and re.match(r"^\w+=", words[0]):
            words = words[1:]
        words = [word for word in words if word not in PLACEHOLDERS]
        if words and words[0].startswith(COMMANDS):
            found.append(words)
    return found


def _starts() -> tuple[str, ...]:
    return (*COMMANDS, "OMP_", "GPUS=", "JETS=")


def paragraphs(text: str) -> list[str]:
    """Blocks of prose: paragraphs and list items, without code, tables, comments and headings."""
    blocks: list[str] = [""]
    for line in without_code(COMMENT.sub("", text)).splitlines():
        if not line.strip() or line.lstrip().startswith(("|", "#")):
            blocks.append("")
        elif LIST_ITEM.match(line):
            blocks.append(LIST_ITEM.sub("", line))
        else:
            blocks[-1] += " " + line.strip().removeprefix(">")
    return [block.strip() for block in blocks if block.strip()]


def sentences(text: str) -> list[str]:
    """The sentences of a page; inline code and a link count by their words, a path or command in code as one."""
    found = []
    for block in paragraphs(text):
        plain = LINK.sub(lambda link: "" if link[0].startswith("!") else link[1], CODE.sub("code", block))
        found += [sentence.strip() for sentence in SENTENCE_END.split(plain) if re.search(r"\w", sentence)]
    return found


def num_words(sentence: str) -> int:
    """Words with at least a letter or a digit in them."""
    return sum(bool(re.search(r"\w", word)) for word in sentence.split())


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page, and those that it has in its text."""
    found: dict[str, int] = {}
    names = set(ANCHOR.findall(page.read_text()))
    in_fence = False
    for line in page.read_text().splitlines():
        in_fence ^= bool(FENCE.match(line))
        if in_fence or not re.match(r"^#{1,6} ", line):
            continue
        title = LINK.sub(r"\1", line.lstrip("#").strip())
        name = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def links(page: Path) -> list[str]:
    """The targets of all links and images of a page, without those in code."""
    return [link[2] for link in LINK.finditer(CODE.sub("", without_code(page.read_text())))]


def inline_code(page: Path) -> list[str]:
    """What stands between backticks in the prose and the tables of a page."""
    return [code[2] for code in CODE.finditer(without_code(page.read_text()))]
