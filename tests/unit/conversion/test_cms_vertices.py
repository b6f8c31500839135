"""Secondary vertices of CMS's files."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion import aspen, delphes
from hepjepa_weaver.conversion.vertices import COLUMNS
from hepjepa_weaver.simulation import vertices as of_tracks
from tests.helpers.experiment_files import known_jets, pfnano_events, write_aspen, write_events
from tests.helpers.messages import naming
from tests.unit.conversion.test_cms import converted

JETS = known_jets()
PT = [[5.0, 9.0, 7.0], [], [4.0]]
LINKS = {"FatJetSVs_jetIdx": [[1, 1, 2, -1], [], [0]], "FatJetSVs_sVIdx": [[0, 1, -1, 0], [], [0]]}


def events(linked=True):
    """The first event has two vertices in its second jet, the last event one in its first jet."""
    found = pfnano_events(JETS)
    jet = [[1, 1, 2], [], [0]]
    eta, phi = (
        ak.Array([[float(found[f"FatJet_{name}"][e][j]) for j in jets] for e, jets in enumerate(jet)])
        for name in ("eta", "phi")
    )
    columns = {
        "pt": ak.Array(PT), "eta": eta + 0.1, "phi": phi - 0.05, "mass": ak.Array([[1.5, 2.0, 0.5], [], [-1e-5]]),
        "ntracks": ak.Array([[2, 3, 2], [], [4]]), "dxy": ak.Array([[0.5, 1.0, 0.1], [], [0.25]]),
        "dxySig": ak.Array([[8.0, 12.0, 3.0], [], [5.0]]), "chi2": ak.Array([[0.5, 1.5, 1.0], [], [2.0]]),
        "pAngle": ak.Array([[np.pi, np.pi - 0.1, np.pi], [], [np.pi / 2]]),
    }  # fmt: skip
    found |= {f"SV_{name}": ak.values_astype(values, "float32") for name, values in columns.items()}
    found["SV_ntracks"] = ak.values_astype(columns["ntracks"], "uint8")
    return found | ({name: ak.values_astype(ak.Array(v), "int32") for name, v in LINKS.items()} if linked else {})


def test_vertices_have_the_columns_of_hepjepa_vertices():
    assert COLUMNS == of_tracks.COLUMNS


@pytest.mark.parametrize("linked", [True, False])
def test_vertices_stand_with_their_jets(tmp_path, linked):
    made = events(linked)
    found = converted(write_events(tmp_path / "nano.root", made), vertices=True, radius=0.3 if not linked else None)
    near = [0, 2, 0, 0, 0, 0, 1, 0, 0] if linked else [0, 2, 1, 0, 0, 0, 1, 0, 0]
    assert ak.num(found.sv_px).tolist() == near
    second, last = found[1], found[6]
    np.testing.assert_allclose(np.hypot(second.sv_px, second.sv_py), [9, 5], rtol=1e-6)
    np.testing.assert_allclose(second.sv_dxy, [10, 5])
    np.testing.assert_allclose(second.sv_costheta, [np.cos(0.1), 1], rtol=1e-6)
    np.testing.assert_allclose(second.sv_mass, [2, 1.5])
    assert second.sv_ntracks.tolist() == [3, 2]
    assert (second.sv_dxysig.tolist(), second.sv_chi2.tolist()) == ([12, 8], [1.5, 0.5])
    assert last.sv_mass.tolist() == [0]
    sign = np.where(found.jet_eta < 0, -1, 1)
    np.testing.assert_allclose(second.sv_deta, [0.1 * sign[1]] * 2, atol=1e-5)
    np.testing.assert_allclose(second.sv_dphi, [-0.05] * 2, atol=1e-5)
    mass2 = second.sv_energy**2 - second.sv_px**2 - second.sv_py**2 - second.sv_pz**2
    np.testing.assert_allclose(mass2, [4, 2.25], rtol=1e-3)


def test_without_asking_there_are_none(tmp_path):
    found = converted(write_events(tmp_path / "nano.root", events()))
    assert not [name for name in found.fields if name.startswith("sv_")]


def test_files_without_vertices_say_so(tmp_path):
    with pytest.raises(UserError, match=naming("SV_pt", "SV_pAngle")):
        converted(write_events(tmp_path / "nano.root", pfnano_events(JETS)), vertices=True)
    with pytest.raises(UserError, match=naming("--vertices", "hepjepa vertices")):
        converted(write_aspen(tmp_path / "aspen.h5", JETS), aspen, vertices=True)
    path = write_events(tmp_path / "delphes.root", {"PT": np.zeros(2)}, tree="Delphes")
    with pytest.raises(UserError, match=naming("--vertices", "hepjepa vertices")):
        converted(path, delphes, vertices=True)
