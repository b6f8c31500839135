import argparse
import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.cli import vertices as command
from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.root_files import write_jets
from hepjepa_weaver.simulation.vertices import COLUMNS, Lines, add_vertices, find_vertices, fit_vertex, grown_vertices
from tests.helpers.hepjepa_command import HEPJEPA
from tests.helpers.jet_files import converted
from tests.helpers.toy_jets import write_toy_files

ERROR = 0.02


def lines_through(vertex, phi, rng, spread=ERROR):
    """Tracks of directions `phi` (T,) from a vertex (2,) in mm, measured with an error."""
    normal = np.stack([np.sin(phi), -np.cos(phi)], axis=1)
    return Lines(normal, normal @ vertex + spread * rng.standard_normal(len(phi)), np.full(len(phi), ERROR))


def test_a_vertex_is_found_where_it_is_within_its_covariance():
    rng, pulls = np.random.default_rng(1), []
    for _ in range(300):
        vertex = rng.uniform(-5, 5, 2)
        fit = fit_vertex(lines_through(vertex, rng.uniform(-0.4, 0.4, 5), rng))
        offset = fit.vertex - vertex
        pulls.append(offset @ np.linalg.inv(fit.covariance) @ offset)
    assert np.mean(pulls) == pytest.approx(2, abs=0.35)  # χ² of two degrees of freedom


def test_two_vertices_are_told_apart():
    rng = np.random.default_rng(2)
    first, second = np.array([3.0, 0.5]), np.array([9.0, -2.0])
    phi = rng.uniform(-0.5, 0.5, 7)
    lines = [lines_through(first, phi[:4], rng), lines_through(second, phi[4:], rng)]
    both = Lines(*(np.concatenate([getattr(part, name) for part in lines]) for name in ("normal", "d0", "error")))
    found = list(grown_vertices(both))
    assert [sorted(members) for members, _ in found] == [[0, 1, 2, 3], [4, 5, 6]]
    assert np.allclose(found[0][1].vertex, first, atol=0.5)
    assert np.allclose(found[1][1].vertex, second, atol=1.0)


def jet_with(vertex, n_tracks, rng, n_prompt=10):
    """Pions of 5 GeV around φ = 0, and prompt and neutral particles."""
    n_all = n_tracks + n_prompt + 5
    phi, eta = rng.uniform(-0.4, 0.4, (2, n_all))
    pt = np.full(n_all, 5.0)
    is_charged = np.arange(n_all) < n_tracks + n_prompt
    d0 = np.where(np.arange(n_all) < n_tracks, np.sin(phi) * vertex[0] - np.cos(phi) * vertex[1], 0)
    momentum = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta)}
    energy = np.sqrt(sum(np.square(value) for value in momentum.values()) + 0.14**2)
    noise = ERROR * np.clip(rng.standard_normal(n_all), -2, 2)
    return {
        **momentum,
        "energy": energy,
        "deta": eta,
        "dphi": phi,
        "charge": is_charged.astype(float),
        "d0val": (d0 + noise) * is_charged,
        "d0err": ERROR * is_charged,
        "jet_eta": np.zeros(1),
        "jet_phi": np.zeros(1),
    }


def test_a_decay_in_a_jet_is_described():
    rng = np.random.default_rng(3)
    jet = jet_with(np.array([6.0, 0.0]), 4, rng)
    (row,) = find_vertices(jet)
    vertex = dict(zip(COLUMNS, row, strict=True))
    assert vertex["ntracks"] in (3, 4)  # a track that points back to the beam line is not displaced
    assert vertex["dxy"] == pytest.approx(6.0, abs=0.5)
    assert vertex["dxysig"] > 10
    assert vertex["costheta"] > 0.95
    assert vertex["energy"] ** 2 == pytest.approx(
        vertex["mass"] ** 2 + vertex["px"] ** 2 + vertex["py"] ** 2 + vertex["pz"] ** 2
    )
    assert abs(vertex["dphi"]) < 0.4


@pytest.mark.parametrize("n_tracks", [0, 1])
def test_prompt_jets_and_single_tracks_have_no_vertex(n_tracks):
    rng = np.random.default_rng(4)
    assert list(find_vertices(jet_with(np.array([6.0, 3.0]), n_tracks, rng))) == []


def test_parallel_tracks_have_no_vertex_far_away():
    phi = np.array([0.1, 0.1 + 1e-6])
    normal = np.stack([np.sin(phi), -np.cos(phi)], axis=1)
    for _, fit in grown_vertices(Lines(normal, np.array([0.5, -0.5]), np.full(2, ERROR))):
        assert np.linalg.norm(fit.vertex) < 200


def test_jets_without_particles_or_vertices_keep_their_place():
    rng = np.random.default_rng(5)
    jets = [jet_with(np.array([6.0, 0.0]), 4, rng), jet_with(np.zeros(2), 0, rng)]
    names = [name for name in jets[0] if not name.startswith("jet_")]
    columns = {f"part_{name}": ak.Array([jet[name] for jet in jets] + [[]]) for name in names}
    table = add_vertices(ak.zip({**columns, "jet_eta": np.zeros(3), "jet_phi": np.zeros(3)}, depth_limit=1))
    assert ak.num(table["sv_px"]).to_list() == [1, 0, 0]
    assert table["part_px"].to_list() == columns["part_px"].to_list()


def test_the_command_copies_files_and_is_not_to_overwrite(tmp_path):
    write_toy_files(tmp_path / "jets", jets_per_class=4)
    command = [*HEPJEPA, "vertices", str(tmp_path / "jets"), "-o"]
    subprocess.run([*command, str(tmp_path / "sv")], check=True, capture_output=True)
    names = sorted(path.name for path in (tmp_path / "jets").iterdir())
    assert sorted(path.name for path in (tmp_path / "sv").iterdir()) == names
    with uproot.open(tmp_path / "sv" / names[0]) as file, uproot.open(tmp_path / "jets" / names[0]) as source:
        assert {f"sv_{name}" for name in COLUMNS} <= set(file["tree"].keys())
        assert ak.all(file["tree"]["part_px"].array() == source["tree"]["part_px"].array())
    done = subprocess.run([*command, str(tmp_path / "jets")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "holds the source files" in done.stderr


def write_decays(path: Path) -> None:
    """One jet each of one decay, of none, of two, and of no particles."""
    rng = np.random.default_rng(6)
    decay, second = (jet_with(np.array(vertex), 4, rng) for vertex in ([6.0, 0.0], [25.0, -3.0]))
    both = {name: np.concatenate([decay[name], second[name]]) for name in decay}
    jets = [decay, jet_with(np.zeros(2), 0, rng), both, {name: np.zeros(0) for name in decay}]
    names = [name for name in decay if not name.startswith("jet_")]
    columns = {f"part_{name}": ak.Array([jet[name] for jet in jets]) for name in names}
    columns |= {name: np.zeros(len(jets)) for name in ("jet_eta", "jet_phi")}
    write_jets([ak.values_astype(ak.zip(columns, depth_limit=1), "float32")], path, {})


def flight_lengths(path: Path) -> list[list[float]]:
    """sv_dxy of the vertices of each jet; slots that are filled up with zeros have no tracks."""
    jets = ak.concatenate(list(kind_of(path).read_all(path)))
    return jets["sv_dxy"][jets["sv_ntracks"] > 0].to_list()


@pytest.mark.parametrize("ending", [".parquet", ".h5"])
def test_vertices_are_the_same_whatever_the_kind_of_file(tmp_path: Path, ending: str):
    (tmp_path / "jets").mkdir()
    write_decays(tmp_path / "jets" / "decays.root")
    source = converted(tmp_path / "jets", ending, tmp_path / "converted")
    for folder in (tmp_path / "jets", source):
        command.run(argparse.Namespace(source=[folder], output=tmp_path / "sv"))
    expected, found = (flight_lengths(tmp_path / "sv" / f"decays{kind}") for kind in (".root", ending))
    assert [len(jet) for jet in expected] == [1, 0, 2, 0]
    assert expected[0] == pytest.approx([6], abs=0.5)
    assert sorted(expected[2]) == pytest.approx([6, np.hypot(25, 3)], abs=1)
    assert found == expected
