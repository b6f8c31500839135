"""The report tells numbers, floors and classes in tables, and shows its pictures."""

import re

import pytest

from hepjepa_weaver.fidelity.comparison import compare
from hepjepa_weaver.fidelity.observables import OBSERVABLES, observe
from hepjepa_weaver.fidelity.report import write_report
from hepjepa_weaver.fidelity.residuals import RESIDUALS, measure_reconstruction
from hepjepa_weaver.fidelity.results import Reference, Settings
from tests.helpers.toy_particles import toy_jets

pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
NAMES = ("QCD", "Hbb")
SETTINGS = Settings(networks=("particle_flow",), steps=2, replicas=10)


def section(text, title):
    """The text below a heading, up to the next heading."""
    return re.split(r"\n#+ ", text.partition(f"# {title}\n")[2])[0]


def rows(text):
    return [line.split(" | ") for line in text.splitlines() if line.startswith("| ")][2:]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "deep" / "report.md"
    real, worse = toy_jets(60, 1, 0.1, NAMES), toy_jets(60, 1, 0.11, NAMES)
    references = [Reference("original", real, toy_jets(60, 2, 0.1, NAMES)), Reference("reconstructed", worse)]
    comparison = compare(toy_jets(50, 3, 0.1, NAMES), references, toy_jets(70, 4, 0.1, NAMES), SETTINGS)
    write_report(comparison, path, measure_reconstruction(observe(real), observe(worse)))
    return path


def test_a_table_for_each_reference_and_class(report):
    text = report.read_text()
    for title in ("original real jets", "reconstructed real jets"):
        whole = section(text, f"Against {title}")
        assert len(rows(whole)) == len(OBSERVABLES)
        assert "50 jets in each sample" in whole
        for name in NAMES:
            assert "25 jets in each sample" in section(text, f"{name} against {title}")
    cells = rows(section(text, "Against original real jets"))[0]
    assert cells[0] == "| jet pT (GeV)"
    assert all("±" in cell for cell in cells[1:])
    assert rows(section(text, "Against reconstructed real jets"))[0][2] == "–"


def test_classifiers_copies_errors_and_versions(report):
    text = report.read_text()
    assert [cells[0] for cells in rows(section(text, "Classifiers"))] == ["| boosted trees", "| particle_flow"]
    copies = section(text, "Copies of training jets")
    assert "fraction nearer to a training jet" in copies
    assert len(rows(section(text, "all"))) == len(RESIDUALS)
    assert "half a count" in section(text, "Definitions")
    assert "torch" in section(text, "Made with")


def test_pictures_are_beside_the_report(report):
    pictures = re.findall(r"!\[.+\]\((.+)\)", report.read_text())
    assert pictures == ["report-original.png", "report-reconstructed.png", "report-errors.png"]
    assert all((report.parent / name).is_file() for name in pictures)
