"""The figures of README and docs/, and the table of labels saved, come from the numbers of the studies."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.helpers.markdown_pages import REPOSITORY

pytest.importorskip("matplotlib", reason="figures need the extra 'plots'")
FIGURES = REPOSITORY / "docs/figures"
RESULTS = (REPOSITORY / "docs/results.md").read_text()


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_figures", FIGURES / "make_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(text: str) -> dict[str, list[str]]:
    """The rows of all tables of a page by their first cell; of several of one name the first."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("| "):
            name, *cells = (cell.strip(" *") for cell in line.strip("|").split("|"))
            found.setdefault(name, cells)
    return found


def between(text: str, name: str) -> str:
    return text.partition(f"<!-- begin {name} -->")[2].partition(f"<!-- end {name} -->")[0].strip()


def test_the_csv_file_holds_what_the_study_measured(figures: ModuleType) -> None:
    table = rows(between(RESULTS, "minijetclass"))
    for name, curve in figures.read_curves().items():
        measured = [tuple(map(float, cell.split(" ± "))) for cell in table[name][:4]]
        assert [curve[labels] for labels in sorted(curve)] == measured


def test_the_readme_shows_the_same_rounded(figures: ModuleType) -> None:
    table = rows((REPOSITORY / "README.md").read_text())
    curves = figures.read_curves()
    shown = {name: cells for name, cells in table.items() if name in curves}
    assert len(shown) == 4
    for name, cells in shown.items():
        for cell, labels in zip(cells, sorted(curves[name]), strict=True):
            for text, value in zip(re.findall(r"[\d.]+", cell), curves[name][labels], strict=True):
                assert float(text) == pytest.approx(value, abs=0.000501)


def test_the_table_of_labels_saved_is_up_to_date(figures: ModuleType) -> None:
    assert between(RESULTS, "saved_labels") == figures.saved_labels_table(figures.read_curves())


def test_labels_needed_lie_on_the_line_between_two_points(figures: ModuleType) -> None:
    curve = {10: (0.5, 0.0), 1000: (0.7, 0.0)}
    assert figures.labels_needed(curve, 0.6) == pytest.approx(100)
    assert figures.labels_needed(curve, 0.71) is None


def test_the_csv_file_of_the_collapse_holds_the_table_of_the_page(figures: ModuleType) -> None:
    page = (REPOSITORY / "docs/results_of_the_recipe_search.md").read_text().partition("## Collapse")[2]
    table = page.partition("## ")[0].replace(" 000 |", "000 |")
    run, measured = "", []
    for line in table.splitlines():
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if cells and cells[0].isdigit():
            run = name or run
            measured.append((run, [float(cell) for cell in cells[:6]]))
    drawn = [(run, [*point.values()]) for run, points in figures.read_collapse().items() for point in points]
    assert drawn == measured
    assert len(drawn) == 6


def test_figures_are_made_and_small(figures: ModuleType, tmp_path: Path) -> None:
    made = list(figures.make_figures(tmp_path))
    assert {path.name for path in made} == {path.name for path in FIGURES.glob("*.svg")}
    for path in [*made, *FIGURES.glob("*.svg")]:
        assert path.stat().st_size < 100_000
        assert path.read_text().rstrip().endswith("</svg>")
