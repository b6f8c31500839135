"""Reading jets, choosing some of them, and joining samples."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.particles import joined, read_particles
from tests.helpers.messages import naming
from tests.helpers.toy_jets import LABELS, STEMS
from tests.helpers.toy_particles import jets_of, toy_jets, write_particles

NAMES = ("QCD", "Hbb")


def table(n_jets=3, **changed):
    columns = {name: ak.Array([[3.0, 0.5]] * n_jets) for name in ("part_px", "part_deta", "part_dphi")}
    return ak.Array(columns | {"part_py": ak.Array([[4.0, 0.0]] * n_jets)} | changed)


def parquet(folder, **changed):
    path = folder / "jets.parquet"
    ak.to_parquet(table(**changed), path)
    return path


@pytest.mark.parametrize("chosen", [np.array([2, 0, 3]), np.array([], np.int64), np.array([True, False] * 5)])
def test_jets_are_chosen_with_their_particles(chosen):
    jets = toy_jets(10, label_names=NAMES)
    expected = [ak.to_list(jets.ragged(jets.pt))[i] for i in np.arange(10)[chosen]]
    some = jets[chosen]
    assert ak.to_list(some.ragged(some.pt)) == expected
    assert (some.label == jets.label[chosen]).all()
    assert len(some) == len(expected)


def test_parts_are_joined():
    jets = toy_jets(7, label_names=NAMES)
    again = joined([jets[np.arange(3)], jets[np.arange(3, 7)]])
    for name in ("counts", "pt", "deta", "dphi", "label"):
        assert (getattr(again, name) == getattr(jets, name)).all()
    with pytest.raises(UserError, match=naming("QCD", "none")):
        joined([jets, toy_jets(3)])


def test_files_of_all_classes(toy_files):
    paths = [toy_files / "test" / f"{stem}_000.root" for stem in STEMS]
    jets = read_particles(paths)
    assert len(jets) == 300
    assert jets.label_names == LABELS
    assert (np.bincount(jets.label) == 30).all()
    few = read_particles(paths, max_particles=5, max_jets=58)
    assert (np.bincount(few.label) == 5).all()
    first_five = ak.to_list(jets.ragged(jets.pt)[:5, :5])
    assert ak.to_list(few.ragged(few.pt)[:5]) == first_five


def test_momenta_and_distances_are_those_of_the_file(tmp_path):
    jets = read_particles([parquet(tmp_path)])
    assert jets.pt.tolist() == [5.0, 0.5] * 3
    assert jets.deta.tolist() == [3.0, 0.5] * 3
    assert (jets.label == -1).all()
    assert not jets.is_labelled


def test_padding_is_cut_away(tmp_path):
    """Zeros before another particle, or in some columns alone, are no padding."""
    px = ak.Array([[3.0, 0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0], [0.0] * 5])
    deta = ak.Array([[0.1, 0.0, 0.1, 0.0, 0.0], [0.1, 0.2, 0.0, 0.0, 0.0], [0.0] * 5])
    jets = read_particles([parquet(tmp_path, part_px=px, part_py=0 * px, part_deta=deta, part_dphi=0 * px)])
    assert jets.counts.tolist() == [3, 2, 0]
    assert jets.pt.tolist() == [3, 0, 1, 1, 0]
    assert jets.deta.tolist() == [0.1, 0, 0.1, 0.1, 0.2]


def test_a_jet_without_a_label_set_is_unlabelled(tmp_path):
    jets = toy_jets(4, label_names=NAMES)
    unknown = write_particles(jets, tmp_path / "jets.root")
    assert read_particles([unknown]).label.tolist() == [0, 1, 0, 1]
    jets.label[1] = -1
    again = read_particles([write_particles(jets, tmp_path / "others.root")])
    assert again.label.tolist() == [0, -1, 0, 1]
    assert not again.is_labelled


def test_labels_are_renumbered_by_name():
    jets = toy_jets(4, label_names=NAMES)
    assert jets.relabelled(("Hbb", "Hcc", "QCD")).label.tolist() == [2, 0, 2, 0]
    assert jets.relabelled(NAMES) is jets


def test_files_that_are_no_jets_are_refused(tmp_path):
    with pytest.raises(UserError, match=naming("nothing.root")):
        read_particles([tmp_path / "nothing.root"])
    with pytest.raises(UserError, match=naming("jets.parquet", "2 particles", "NaN")):
        read_particles([parquet(tmp_path, part_deta=ak.Array([[np.nan, 1.0], [0.0, 1.0], [np.inf, 0.0]]))])
    ak.to_parquet(ak.Array({"part_px": [[1.0]], "part_py": [[1.0]]}), tmp_path / "lacking.parquet")
    with pytest.raises(UserError, match=naming("lacking.parquet", "part_deta, part_dphi")):
        read_particles([tmp_path / "lacking.parquet"])
    ak.to_parquet(table()[:0], tmp_path / "empty.parquet")
    with pytest.raises(UserError, match=naming("empty.parquet", "no jets")):
        read_particles([tmp_path / "empty.parquet"])
    with pytest.raises(UserError, match=naming("no samples")):
        read_particles([])
    (tmp_path / "text.root").write_text("no jets")
    with pytest.raises(UserError, match=naming("text.root")):
        read_particles([tmp_path / "text.root"])


def test_sums_over_the_particles_of_a_jet():
    jets = jets_of([(1, 0, 0), (2, 0, 0)], [], [(5, 0, 0)])
    assert jets.per_jet(jets.pt).tolist() == [3, 0, 5]
