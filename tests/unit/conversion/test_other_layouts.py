"""Delphes and JetClass-II: momenta of jets are those of the file."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion import delphes, jetclass2
from hepjepa_weaver.conversion.jet_batch import TRACKS
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.datasets.parquet_files import write_parquet
from tests.helpers.experiment_files import SAMPLES, known_jets
from tests.helpers.messages import naming
from tests.unit.conversion.test_cms import PARTICLES, assert_particles, converted, table

JETS = known_jets()
WANTED = (*PARTICLES, *TRACKS)


def jetclass2_table():
    columns = {
        name: JETS[name] != 0 if name.startswith("part_is") else JETS[name]
        for name in JETS.fields
        if not name.startswith("label")
    }
    columns["part_charge"] = ak.values_astype(columns["part_charge"], "int32")
    return ak.zip({**columns, "jet_label": np.arange(9, dtype=np.int32)}, depth_limit=1)


def test_jets_of_jetclass2_come_back(tmp_path):
    write_parquet([jetclass2_table()], tmp_path / "jets.parquet")
    found = converted(tmp_path / "jets.parquet", jetclass2)
    assert_particles(found, JETS, WANTED)
    for name in ("jet_pt", "jet_eta", "jet_phi", "jet_energy"):
        np.testing.assert_allclose(found[name], JETS[name], rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(ak.flatten(found.part_deta), ak.flatten(JETS.part_deta), atol=1e-5)
    assert found.jet_label.tolist() == list(range(9))


@pytest.mark.parametrize("kinds", [0, 2])
def test_a_particle_of_jetclass2_has_one_kind(tmp_path, kinds):
    jets = jetclass2_table()
    for name in ("part_isPhoton", "part_isMuon"):
        jets[name] = ak.ones_like(jets[name]) if kinds else ak.zeros_like(jets[name])
    write_parquet([jets], tmp_path / "jets.parquet")
    with pytest.raises(UserError, match=naming("part_isPhoton", "no kind, or several")):
        converted(tmp_path / "jets.parquet", jetclass2)


def test_a_parquet_file_of_other_columns_is_refused(tmp_path):
    write_parquet([jetclass2_table()[["jet_pt", "part_px"]]], tmp_path / "jets.parquet")
    with pytest.raises(UserError, match=naming("part_isMuon", "jet_eta", "JetClass-II")):
        converted(tmp_path / "jets.parquet", jetclass2)


CODES = {"isChargedHadron": 2212, "isNeutralHadron": 0, "isPhoton": 22, "isElectron": 11, "isMuon": 13}
VERTEX = np.array([-54.5, 104.0, 27.75])


def delphes_events(per_event=3):
    """Events as uproot reads them: ids that are not consecutive, candidates in any order."""
    rng = np.random.default_rng(0)
    codes = ak.values_astype(sum(code * JETS[f"part_{flag}"] for flag, code in CODES.items()), "int32")
    pt = np.hypot(JETS.part_px, JETS.part_py)
    is_charged, event = JETS.part_charge != 0, np.arange(9) // per_event
    columns = {
        "PT": pt, "Eta": np.arcsinh(JETS.part_pz / pt), "Phi": np.arctan2(JETS.part_py, JETS.part_px),
        "E": JETS.part_energy, "PID": codes, "Charge": JETS.part_charge, "D0": JETS.part_d0val,
        "ErrorD0": JETS.part_d0err, "DZ": ak.where(is_charged, JETS.part_dzval + VERTEX[event], 999.0),
        "ErrorDZ": JETS.part_dzerr,
    }  # fmt: skip
    events, number = {}, len(JETS) // per_event
    particles = {name: ak.unflatten(ak.flatten(values), ak.sum(ak.unflatten(ak.num(values), per_event), axis=1))
                 for name, values in columns.items()}  # fmt: skip
    sizes = np.asarray(ak.num(particles["PT"]))
    ids = [3 * np.arange(size) + 1000 for size in sizes]
    order = [rng.permutation(size) for size in sizes]
    for name, values in particles.items():
        events[f"ParticleFlowCandidate.{name}"] = ak.Array([values[e][order[e]] for e in range(number)])
    events["ParticleFlowCandidate.fUniqueID"] = ak.Array([ids[e][order[e]] for e in range(number)])
    refs = [ak.unflatten(ids[e], ak.num(JETS.part_px)[event == e]) for e in range(number)]
    events["JetPUPPIAK8.Constituents"] = ak.zip({"refs": ak.Array(refs)}, depth_limit=2)
    p = np.asarray(JETS.jet_pt) * np.cosh(np.asarray(JETS.jet_eta))
    energy = np.maximum(np.asarray(JETS.jet_energy), p)  # the axis of these jets is not that of their particles
    for name, values in {"PT": JETS.jet_pt, "Eta": JETS.jet_eta, "Phi": JETS.jet_phi,
                         "Mass": np.sqrt(energy**2 - p**2)}.items():  # fmt: skip
        events[f"JetPUPPIAK8.{name}"] = ak.unflatten(values, per_event)
    events["JetPUPPIAK8.Tau[5]"] = ak.unflatten(np.tile(np.arange(5.0), (9, 1)), per_event)
    momentum = ak.zip(
        {"fP": ak.zip({axis: np.ones((9, 5)) for axis in ("fX", "fY", "fZ")}), "fE": np.full((9, 5), 2.0)}
    )
    events["JetPUPPIAK8.SoftDroppedP4[5]"] = ak.unflatten(momentum, per_event)
    events["Vertex.Z"] = ak.Array([[z, 1.0] for z in VERTEX])
    events["Event.Number"] = ak.Array([[11], [12], [13]])
    return events


def batch(
    events,
):
    return delphes.batch_of(events, "JetPUPPIAK8", Request(), "delphes.root", False)


def test_jets_of_delphes_come_back():
    found = table(batch(delphes_events()))
    assert_particles(found, JETS, [name for name in WANTED if name != "dzval"])
    np.testing.assert_allclose(ak.flatten(found.part_dzval), ak.flatten(JETS.part_dzval), atol=1e-4)
    for name in ("jet_pt", "jet_eta", "jet_phi"):
        np.testing.assert_allclose(found[name], JETS[name], rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(np.cos(ak.flatten(found.part_dphi - JETS.part_dphi)), 1, atol=1e-7)
    np.testing.assert_allclose(ak.flatten(found.part_deta), ak.flatten(JETS.part_deta), atol=1e-5)
    assert found.event.tolist() == [11] * 3 + [12] * 3 + [13] * 3
    assert found.jet_tau4.tolist() == [3.0] * 9
    assert found.jet_sdmass.tolist() == [1.0] * 9


def with_decays(events):
    """H→bb in the second jet of each event."""
    rows = {name: [] for name in ("PID", "Status", "M1", "PT", "Eta", "Phi")}
    for event in range(3):
        jet = 3 * event + 1
        rows["PID"].append([21, 21, 25, 25, 5, -5])
        rows["Status"].append([-21, -21, 22, 62, 23, 23])
        rows["M1"].append([-1, -1, 0, 2, 3, 3])
        rows["PT"].append([0.0, 0.0, 500.0, 500.0, 250.0, 250.0])
        rows["Eta"].append(
            [9.0, -9.0, *[float(JETS.jet_eta[jet])] * 2, *(float(JETS.jet_eta[jet]) + d for d in (0.1, -0.1))]
        )
        rows["Phi"].append([0.0, 0.0, *[float(JETS.jet_phi[jet])] * 4])
    return events | {f"Particle.{name}": ak.Array(values) for name, values in rows.items()}


def test_labels_of_delphes():
    events = with_decays(delphes_events())
    assert delphes.has_mothers(events)
    found = table(delphes.batch_of(events, "JetPUPPIAK8", Request(), "delphes.root", True))
    assert found.label_Hbb.tolist() == [0, 1, 0] * 3
    assert found.label_b.tolist() == [0, 1, 0] * 3


def test_filtered_generator_particles_of_delphes_give_no_labels():
    """Their mothers are counted among the particles of before."""
    events = with_decays(delphes_events())
    for name in ("PID", "Status", "M1", "PT", "Eta", "Phi"):
        events[f"Particle.{name}"] = events[f"Particle.{name}"][:, 3:]
    assert not delphes.has_mothers(events)
    with pytest.raises(UserError, match=naming("delphes.root", "Particle")):
        delphes.batch_of(events, "JetPUPPIAK8", Request(), "delphes.root", True)
    (note,) = batch(events).notes
    assert "no labels" in note


def test_constituents_that_are_no_candidates_are_refused():
    events = delphes_events()
    events["ParticleFlowCandidate.fUniqueID"] = events["ParticleFlowCandidate.fUniqueID"] + 1
    with pytest.raises(UserError, match=naming("JetPUPPIAK8", "ParticleFlowCandidate", "--jets")):
        batch(events)


@pytest.mark.parametrize("ids", [[[7, 3], [3]], [[3, 7], [3]]])
def test_ids_are_those_of_the_event(ids):
    found = delphes.find(ak.Array(ids), np.array([3, 7, 3, 7]), np.array([0, 0, 1, 1]))
    at = ids[0].index
    assert found.tolist() == [at(3), at(7), 2, -1]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs real files")
def test_a_real_file_of_delphes():
    """Numbers as measured with code that is independent of this package: 909 constituents, 137 of them of pT 0."""
    found = converted(SAMPLES / "events_delphes_example.root", delphes)
    assert (len(found), int(ak.sum(ak.num(found.part_px)))) == (22, 909 - 137)
    assert abs(np.median(ak.flatten(found.part_dzval[found.part_charge != 0]))) < 1
    np.testing.assert_allclose(
        found.jet_pt, np.hypot(ak.sum(found.part_px, axis=1), ak.sum(found.part_py, axis=1)), rtol=1e-6
    )


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs real files")
def test_a_real_file_of_jetclass2_stays_what_it_is():
    path = SAMPLES / "JetClassII_example.parquet"
    before, after = ak.from_parquet(path), converted(path, jetclass2)
    for name in after.fields:
        kept, found = (np.asarray(ak.flatten(jets[name], axis=None), np.float64) for jets in (before, after))
        np.testing.assert_allclose(found, kept, atol=3e-7, err_msg=name)
