from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import vector
from weaver.utils.data.fileio import _read_files

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import quark_gluon, top_landscape
from hepjepa_weaver.datasets.jet_columns import jet_columns
from hepjepa_weaver.datasets.parquet_files import note_of, write_parquet
from tests.helpers.messages import naming
from tests.helpers.published_files import write_quark_gluon_file, write_top_file

JET = ["label", "jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_mass", "jet_nparticles"]
KINEMATICS = ["part_px", "part_py", "part_pz", "part_energy", "part_deta", "part_dphi"]
FLAGS = [
    "part_charge",
    *(f"part_is{kind}" for kind in ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")),
]
vector.register_awkward()


def read(path: Path):
    return ak.from_parquet(path)


def particles_of(jets):
    names = {"px": "part_px", "py": "part_py", "pz": "part_pz", "E": "part_energy"}
    return ak.zip(
        {axis: ak.values_astype(jets[name], "float64") for axis, name in names.items()}, with_name="Momentum4D"
    )


def test_top_jets_are_those_of_the_source_all_of_them(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(top_landscape, "CHUNK", 7)  # so that the last piece is not a whole one
    source = write_top_file(tmp_path / "train.h5", 24)
    assert top_landscape.convert(tmp_path / "train.h5", tmp_path / "train_file.parquet") == 24
    jets = read(tmp_path / "train_file.parquet")
    assert jets.fields == [*JET, *KINEMATICS]
    assert len(jets) == 24  # the public conversion loses the last one
    assert jets["label"].to_list() == source["label"].tolist()
    assert jets["jet_nparticles"].to_list() == source["is_real"].sum(axis=1).tolist()
    for jet in range(24):
        momentum = source["momentum"][jet][source["is_real"][jet]].astype(np.float64)
        order = np.argsort(-np.hypot(*momentum.T[:2]))
        for axis, name in enumerate(KINEMATICS[:3]):
            np.testing.assert_allclose(jets[jet][name], momentum[order, axis], rtol=1e-6)


@pytest.mark.parametrize("kind", ["top", "quark_gluon"])
def test_jet_quantities_against_vector(tmp_path: Path, kind: str):
    if kind == "top":
        write_top_file(tmp_path / "source.h5", 40)
        top_landscape.convert(tmp_path / "source.h5", tmp_path / "jets.parquet")
    else:
        write_quark_gluon_file(tmp_path / "source.npz", 40)
        quark_gluon.convert(tmp_path / "source.npz", tmp_path / "jets.parquet")
    jets = read(tmp_path / "jets.parquet")
    particles = particles_of(jets)
    jet = ak.sum(particles, axis=1)
    assert ak.all(particles.pt[:, :-1] >= particles.pt[:, 1:])
    for name, expected in (("pt", jet.pt), ("eta", jet.eta), ("phi", jet.phi), ("energy", jet.E)):
        np.testing.assert_allclose(jets[f"jet_{name}"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jets["jet_mass"], np.sqrt(np.maximum(jet.M2, 0)), rtol=1e-2, atol=0.3)
    sign = ak.where(jet.eta >= 0, 1, -1)
    np.testing.assert_allclose(
        ak.flatten(jets["part_deta"]), ak.flatten((particles.eta - jet.eta) * sign), atol=1e-5, rtol=1e-5
    )
    np.testing.assert_allclose(ak.flatten(jets["part_dphi"]), ak.flatten(particles.deltaphi(jet)), atol=1e-5)


def test_quark_gluon_particles(tmp_path: Path):
    X, y = write_quark_gluon_file(tmp_path / "QG_jets.npz", 24)
    assert quark_gluon.convert(tmp_path / "QG_jets.npz", tmp_path / "jets.parquet") == 24
    jets = read(tmp_path / "jets.parquet")
    assert jets.fields == [*JET, *KINEMATICS, "part_pid", *FLAGS]
    assert jets["label"].to_list() == y.tolist()
    particles = particles_of(jets)
    np.testing.assert_allclose(ak.flatten(particles.M2) / ak.flatten(particles.E) ** 2, 0, atol=1e-5)  # massless
    for jet in range(24):
        real = X[jet][X[jet, :, 0] > 0]
        real = real[np.argsort(-real[:, 0])]
        assert jets["part_pid"][jet].to_list() == real[:, 3].tolist()
        np.testing.assert_allclose(particles[jet].pt, real[:, 0], rtol=1e-5)
        np.testing.assert_allclose(particles[jet].eta, real[:, 1], rtol=1e-5)


def test_flags_and_charges_by_pdg_code():
    codes = np.array([211, -211, 321, -321, 2212, -2212, 130, 2112, -2112, 22, 11, -11, 13, -13])
    flags = quark_gluon.particle_flags(codes)
    assert flags["charge"].tolist() == [1, -1, 1, -1, 1, -1, 0, 0, 0, 0, -1, 1, -1, 1]
    kinds = ["isChargedHadron"] * 6 + ["isNeutralHadron"] * 3 + ["isPhoton"] + ["isElectron"] * 2 + ["isMuon"] * 2
    for index, kind in enumerate(kinds):
        assert [name for name in flags if name != "charge" and flags[name][index]] == [kind]


def test_weaver_reads_the_files(tmp_path: Path):
    write_top_file(tmp_path / "source.h5", 10)
    top_landscape.convert(tmp_path / "source.h5", tmp_path / "jets.parquet")
    table = _read_files([str(tmp_path / "jets.parquet")], ["part_px", "jet_pt", "label"])
    assert len(table) == 10
    assert ak.num(table["part_px"]).to_list() == [1 + i % 8 for i in range(10)]


def test_the_note_comes_back_and_other_files_have_none(tmp_path: Path):
    write_parquet([ak.Array({"jet_pt": [1.0]})], tmp_path / "ours.parquet", "from there")
    ak.to_parquet(ak.Array({"jet_pt": [1.0]}), tmp_path / "theirs.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"")
    names = ("ours", "theirs", "broken")
    assert [note_of(tmp_path / f"{name}.parquet") for name in names] == ["from there", None, None]


def test_an_interrupted_conversion_leaves_nothing(tmp_path: Path):
    def tables():
        yield ak.Array({"jet_pt": [1.0]})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_parquet(tables(), tmp_path / "jets.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_jet_without_particles_is_named():
    momenta = ak.Array([[{"px": 1.0, "py": 0.0, "pz": 0.0, "energy": 1.0}], []])
    with pytest.raises(ValueError, match=naming("jet 1")):
        jet_columns(momenta, np.array([0, 1]))


@pytest.mark.parametrize("content", [b"", b"not HDF5"])
def test_a_damaged_top_file_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "train.h5").write_bytes(content)
    with pytest.raises(UserError, match=naming("train.h5", "HDF5", "Top Landscape")):
        top_landscape.convert(tmp_path / "train.h5", tmp_path / "jets.parquet")
    assert not (tmp_path / "jets.parquet").exists()


def test_a_truncated_top_file_is_named(tmp_path: Path):
    write_top_file(tmp_path / "train.h5", 20)
    content = (tmp_path / "train.h5").read_bytes()
    (tmp_path / "train.h5").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=naming("train.h5", "HDF5", "Top Landscape")):
        top_landscape.convert(tmp_path / "train.h5", tmp_path / "jets.parquet")


def bad_quark_gluon(path: Path, kind: str) -> None:
    X, y = write_quark_gluon_file(path, 6)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:300])
    elif kind == "no labels":
        np.savez(path, X=X)
    elif kind == "other shape":
        np.savez(path, X=X[..., :3], y=y)
    elif kind == "unknown particle":
        X[0, 0, 3] = 1000010020
        np.savez(path, X=X, y=y)
    elif kind == "empty jet":
        X[2] = 0
        np.savez(path, X=X, y=y)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("truncated", ("npz",)),
        ("no labels", ("X", "y")),
        ("other shape", ("X", "(6, 6, 3)")),
        ("unknown particle", ("PDG", 1000010020)),
        ("empty jet", ("jet 2",)),
    ],
)
def test_a_bad_quark_gluon_file_is_named(tmp_path: Path, kind: str, named: tuple):
    bad_quark_gluon(tmp_path / "QG_jets.npz", kind)
    with pytest.raises(UserError, match=naming("QG_jets.npz", *named)):
        quark_gluon.convert(tmp_path / "QG_jets.npz", tmp_path / "jets.parquet")
    assert not (tmp_path / "jets.parquet").exists()


def test_row_counts_are_those_of_the_source_file_by_file(tmp_path: Path):
    for n_jets in (1, 2, 19):
        write_quark_gluon_file(tmp_path / "QG.npz", n_jets)
        quark_gluon.convert(tmp_path / "QG.npz", tmp_path / "jets.parquet")
        assert pq.read_metadata(tmp_path / "jets.parquet").num_rows == n_jets
