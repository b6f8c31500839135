"""README and docs/ as a newcomer meets them: plain sentences, links that lead somewhere, commands that exist."""

import argparse
import importlib
import importlib.util
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.config.describe import describe_options
from hepjepa_weaver.config.network_options import RESERVED
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.host.networks import find_network, network_names
from hepjepa_weaver.weaver_api.command import command_line_parser
from tests.helpers import markdown_pages as md
from tests.helpers.markdown_pages import REPOSITORY

MOST_WORDS, MEAN_WORDS, README_LINES = 25, 14, 120
PLACEHOLDER = "name"
"""As in `-o name value`."""
BENCHMARKS = ("benchmark_networks", "benchmark_onnx", "benchmark_jets")
FOLDERS = ("hepjepa_weaver/", "docs/", "scripts/", "tests/", "network_configs/", "data_configs/")
SHIPPED = ("network_configs", "data_configs", "scripts/studies", "scripts/farm")
WHERE = re.compile(r"\$\(hepjepa where ([\w.]+)\)")

each_page = pytest.mark.parametrize("page", md.pages(), ids=lambda page: page.name)


@each_page
def test_nothing_is_left_to_fill_in(page: Path) -> None:
    assert not re.findall(r"@[A-Z]+@|\bTODO\b|\bFIXME\b", page.read_text())


@each_page
def test_sentences_are_short(page: Path) -> None:
    sentences = md.sentences(page.read_text())
    words = [md.num_words(sentence) for sentence in sentences]
    long = [f"{count}: {text}" for count, text in zip(words, sentences, strict=True) if count > MOST_WORDS]
    assert not long, "\n".join(long)
    assert sum(words) / len(words) <= MEAN_WORDS


def test_readme_is_one_screen_and_a_bit() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= README_LINES


def test_every_page_is_two_clicks_from_the_readme_at_most() -> None:
    readme = REPOSITORY / "README.md"
    one_click = linked_pages(readme)
    two_clicks = {target for page in one_click for target in linked_pages(page)}
    assert {*md.pages()} <= {readme, *one_click, *two_clicks}


def linked_pages(page: Path) -> set[Path]:
    """The pages of this project that a page has links to."""
    targets = {(page.parent / link.partition("#")[0]).resolve() for link in md.links(page)}
    return targets & {*md.pages()}


@each_page
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    for link in md.links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert exists(str(target.relative_to(REPOSITORY))), link
        assert not anchor or anchor in md.anchors(target), link


@each_page
def test_paths_in_the_text_exist(page: Path) -> None:
    for code in md.inline_code(page):
        path = code.split()[0] if code.split() else ""
        if path.startswith(FOLDERS):
            assert exists(path), code


def exists(path: str) -> bool:
    """Whether a path of the repository, or a pattern, leads to something."""
    return any(REPOSITORY.glob(path.rstrip("/")))


@each_page
def test_options_in_the_text_exist(page: Path) -> None:
    kinds = [find_network(name).options for name in network_names()]
    known = {option.name for kind in kinds for option in describe_options(kind)} | {*RESERVED, PLACEHOLDER}
    for code in md.inline_code(page):
        for name in re.findall(r"(?:^|\s)-o (\w+)", code):
            assert name in known, code


ALL_COMMANDS = [pytest.param(words, id=f"{page.stem}: {' '.join(words)[:60]}")
                for page in md.pages() for words in md.commands(page)]  # fmt: skip


@pytest.mark.parametrize("words", ALL_COMMANDS)
def test_commands_are_understood(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program, *rest = words
    if program.startswith("scripts/"):
        check_script(program, rest, monkeypatch)
    else:
        CHECKS[program](rest)


def check_weaver(words: Sequence[str]) -> None:
    """Weaver's own parser takes the words, and the network config the options."""
    arguments = command_line_parser().parse_args([WHERE.sub(r"\1", word) for word in words])
    network = Path(arguments.network_config or "").stem
    options = {name: value_or_text(value) for name, value in arguments.network_option}
    assert network or not options
    if network:
        config_from_options(find_network(network).options, options)
    for name in WHERE.findall(" ".join(words)):
        found = [path for folder in SHIPPED for path in REPOSITORY.glob(f"{folder}/**/{name}.*")]
        assert len([path for path in found if path.suffix != ".pyc"]) == 1, name


def check_hepjepa(words: Sequence[str]) -> None:
    """The command's own parser takes the words."""
    command, *rest = words
    if command == "resume":
        assert rest[0] == "weaver"
        check_weaver(rest[1:])
        return
    name = f"hepjepa_weaver.cli.{command.replace('-', '_')}"
    parser = argparse.ArgumentParser()
    importlib.import_module(name).add_arguments(parser)
    arguments = parser.parse_args([WHERE.sub(r"\1", word) for word in rest])
    if command == "study":
        assert exists(str(arguments.plan)), arguments.plan


def check_torchrun(words: Sequence[str]) -> None:
    start = next(place for place, word in enumerate(words) if word.startswith("$(which"))
    assert words[start + 1] == "weaver)"
    check_weaver(words[start + 2 :])


def check_sbatch(words: Sequence[str]) -> None:
    assert (REPOSITORY / words[0]).is_file()
    assert words[1] == "weaver"
    check_weaver(words[2:])


def check_condor_submit(words: Sequence[str]) -> None:
    assert (REPOSITORY / words[0]).is_file()
    name, _, command = words[1].partition("=")
    assert name == "command"
    check_weaver([word for word in command.split()[1:] if word not in md.PLACEHOLDERS])


def check_pip(words: Sequence[str]) -> None:
    project = (REPOSITORY / "pyproject.toml").read_text()
    extras = [extra for word in words for group in re.findall(r"\[(.*)\]", word) for extra in group.split(",")]
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)
    assert words[0] == "install"
    assert words[1:3] == ["-c", "constraints.txt"]


def check_python(words: Sequence[str]) -> None:
    assert (REPOSITORY / words[0]).is_file()


def check_script(path: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The script can be started; a benchmark's parser takes the words."""
    script = REPOSITORY / path
    assert script.is_file()
    assert script.stat().st_mode & stat.S_IXUSR
    if script.stem in BENCHMARKS:
        monkeypatch.setattr(sys, "argv", [path, *words])
        importlib.import_module(script.stem).parse_arguments()


CHECKS = {
    "weaver": check_weaver,
    "hepjepa": check_hepjepa,
    "torchrun": check_torchrun,
    "sbatch": check_sbatch,
    "condor_submit": check_condor_submit,
    "pip": check_pip,
    "python": check_python,
}
