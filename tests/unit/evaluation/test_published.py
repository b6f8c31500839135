import pytest

from hepjepa_weaver.evaluation.published import TRUST, published_table


@pytest.mark.parametrize("name", ["JetClass", "Labels", "TopLandscape", "QuarkGluon", "Robustness"])
def test_every_row_names_its_source_and_trust(name):
    lines = [line for line in published_table(name).splitlines() if line.startswith("|")]
    widths = {line.count("|") for line in lines}
    assert len(widths) == 1
    for line in lines[2:]:
        _, source, trust = [cell.strip() for cell in line.strip("|").split("|")][:3]
        assert source
        assert trust in TRUST


def test_our_figures_stand_above_the_published_ones():
    lines = published_table("QuarkGluon", {"ours": {"accuracy": "0.8 ± 0.1", "Rej50": "undefined"}}).splitlines()
    assert lines[2] == "| ours | this report | measured | 0.8 ± 0.1 | – | undefined | – |"
    assert "*measured*: with the jets, labels and network of this report" in lines[-1]


def test_figures_of_the_reference():
    table = published_table("TopLandscape")
    assert "| ParT | 2512.17011 | tables | 0.94 | 0.9858 | 413 ± 16 | 1602 ± 81 |" in table
    assert "| HEP-JEPA, fine-tuned | 2502.03933 | second-hand | 0.929 | – | – | – |" in table
