"""Chosen jets out of several files, in their order."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.fidelity.jet_rows import read_classes, read_rows
from hepjepa_weaver.fidelity.particles import read_particles
from tests.helpers.messages import naming
from tests.helpers.toy_particles import toy_jets, write_particles

NAMES = ("QCD", "Hbb")
COLUMNS = ("part_px", "part_py", "part_deta")


@pytest.fixture
def files(tmp_path):
    return [write_particles(toy_jets(20, seed, 0.1, NAMES), tmp_path / f"{seed}.root") for seed in range(3)]


def test_classes_are_those_of_the_jets(files):
    classes, jets = read_classes(files), read_particles(files)
    assert classes.label_names == NAMES
    np.testing.assert_array_equal(classes.label, jets.label)


def test_rows_are_the_chosen_jets(files):
    chosen = np.array([0, 3, 19, 20, 41, 59])
    table, jets = read_rows(files, chosen, COLUMNS), read_particles(files)[chosen]
    assert sorted(table.fields) == sorted(COLUMNS)
    np.testing.assert_array_equal(ak.num(table.part_px), jets.counts)
    np.testing.assert_allclose(ak.flatten(np.hypot(table.part_px, table.part_py)), jets.pt, rtol=1e-6)


def test_other_kinds_of_files_and_files_without_labels(files, tmp_path):
    table = read_rows(files[:1], np.arange(20), COLUMNS)
    write_parquet([table], tmp_path / "jets.parquet")
    classes = read_classes([tmp_path / "jets.parquet"])
    assert (len(classes), classes.label_names, classes.is_labelled) == (20, (), False)
    again = read_rows([tmp_path / "jets.parquet"], np.array([7]), COLUMNS)
    assert again.part_deta.tolist() == table.part_deta[[7]].tolist()


def test_mistakes_name_the_file(files, tmp_path):
    for read in (lambda path: read_classes([path]), lambda path: read_rows([path], np.arange(3), COLUMNS)):
        with pytest.raises(UserError, match=naming("nowhere.root")):
            read(tmp_path / "nowhere.root")
    with pytest.raises(UserError, match=naming("part_energy", "0.root")):
        read_rows(files, np.arange(3), (*COLUMNS, "part_energy"))
    with pytest.raises(UserError, match=naming("1 of 2 jets")):
        read_rows(files, np.array([59, 60]), COLUMNS)
