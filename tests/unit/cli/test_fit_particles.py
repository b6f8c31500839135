"""`hepjepa fit-particles`, by its words."""

import shlex

import pytest
import torch

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.jet_chunks import load_data_config
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.tokens.fitted_statistics import load_statistics
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names
from tests.helpers.toy_jets import write_toy_files

FULL = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    write_toy_files(folder / "toys", 20)
    return folder


def fit(folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    run_command(["fit-particles", *shlex.split(words.replace("FULL", str(FULL)))])


def loaded(path):
    config = load_data_config(FULL)
    return load_statistics(path, feature_columns(config), inputs_of(config))


def test_it_writes_what_pre_training_takes(folder, monkeypatch, capsys):
    fit(folder, monkeypatch, "toys --data-config FULL -o out/particles.pt --clusters 16 --jets 100")
    found = loaded(folder / "out/particles.pt")
    assert names(capsys.readouterr().out, "out/particles.pt", "11 features", "16 clusters", int(found.num_fitted))
    assert found.centres.shape == (16, 7)
    assert (found.knots.diff(dim=1) >= 0).all()


def test_the_seed_repeats_it_and_fewer_jets_are_fewer_particles(folder, monkeypatch):
    for name, more in (("a", ""), ("b", ""), ("c", "--seed 3"), ("d", "--jets 20")):
        fit(folder, monkeypatch, f"toys --data-config FULL -o {name}.pt --clusters 16 {more}")
    one, same, other, few = (loaded(folder / f"{name}.pt") for name in "abcd")
    assert torch.equal(one.centres, same.centres)
    assert not torch.equal(one.centres, other.centres)
    assert torch.equal(one.knots, other.knots)
    assert few.num_fitted < 0.2 * one.num_fitted


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("gone.root --data-config FULL -o mistaken.pt", ("gone.root",)),
        ("toys --data-config gone.yaml -o mistaken.pt", ("gone.yaml",)),
        ("toys --data-config FULL -o mistaken.root", ("mistaken.root", ".pt")),
        ("toys --data-config FULL -o mistaken.pt --clusters 1", ("--clusters", 1)),
        ("toys --data-config FULL -o mistaken.pt --clusters 1000000", ("1000000", "--clusters")),
        ("toys --data-config FULL -o mistaken.pt --jets 0", ("--jets", 0)),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(folder, monkeypatch, words, wanted):
    with pytest.raises(UserError) as mistake:
        fit(folder, monkeypatch, words)
    assert names(str(mistake.value), *wanted)
    assert len(str(mistake.value).splitlines()) == 1
    assert not (folder / "mistaken.pt").exists()
