"""`hepjepa compare` from files to report."""

import pytest

from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from tests.helpers.messages import naming
from tests.helpers.toy_particles import toy_jets, write_particles

pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
NAMES = ("QCD", "Hbb")


@pytest.fixture
def files(tmp_path):
    """Files of 40 to 60 jets by the name of their sample."""
    numbers = {"generated": 40, "real": 50, "reconstructed": 50, "floor": 45, "train": 60}
    seeds = {name: index for index, name in enumerate(numbers)} | {"reconstructed": 1}
    return {
        name: write_particles(toy_jets(number, seeds[name], 0.1, NAMES), tmp_path / f"{name}.root")
        for name, number in numbers.items()
    }


def compare(files, out, *words):
    given = [word for name in words if name in files for word in (f"--{name}", str(files[name]))]
    others = [word for word in words if word not in files]
    run_command(["compare", str(files["generated"]), "--real", str(files["real"]), *given, *others, "-o", str(out)])


def test_everything_at_once(files, tmp_path, capsys):
    out = tmp_path / "out" / "page.md"
    compare(files, out, "floor", "train", "reconstructed", "--classifier-steps", "2", "--jets", "30")
    text = out.read_text()
    assert str(out) in capsys.readouterr().out
    for words in ("30 jets in each sample", "particle_flow", "transformer", "Copies of", "Hbb against original"):
        assert words in text
    assert "Given were: generated 40, original 50, floor of original 45, reconstructed 50." in text
    assert {path.name for path in out.parent.glob("*.png")} == {
        "page-original.png", "page-reconstructed.png", "page-errors.png",
    }  # fmt: skip


def test_the_least_that_is_needed(files, tmp_path):
    compare(files, tmp_path / "page.md", "--classifier-steps", "0")
    text = (tmp_path / "page.md").read_text()
    assert "boosted trees" in text
    assert "transformer" not in text
    assert "Copies of training" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--jets", "1"], ["--jets", "2"]),
        (["--classifier-steps", "-1"], ["--classifier-steps"]),
        (["--floor-reconstructed", "a.root"], ["--reconstructed"]),
        (["--device", "abacus"], ["abacus"]),
        (["--train", "nowhere.root"], ["nowhere.root"]),
    ],
)
def test_mistakes_are_told_in_one_line(files, tmp_path, words, told):
    with pytest.raises(UserError, match=naming(*told)) as error:
        compare(files, tmp_path / "page.md", *words)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "page.md").exists()


@pytest.mark.parametrize("name", [".", "jets.root"])
def test_a_report_has_the_name_of_one(files, tmp_path, name):
    with pytest.raises(UserError, match=naming(tmp_path / name, ".md")):
        compare(files, tmp_path / name)


def test_reconstructed_jets_have_to_be_those_of_real(files, tmp_path):
    files["reconstructed"] = files["floor"]
    with pytest.raises(UserError, match=naming(45, 50, "reconstructed")):
        compare(files, tmp_path / "page.md", "reconstructed", "--classifier-steps", "0")
