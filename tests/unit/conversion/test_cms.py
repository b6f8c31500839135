"""PFNano, NanoAOD and Aspen Open Jets: jets that are known come back from files in CMS's conventions."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion import aspen, nano
from hepjepa_weaver.conversion.constituents import KINDS
from hepjepa_weaver.conversion.jet_batch import JetBatch, table_of
from hepjepa_weaver.conversion.momenta import sum_of
from hepjepa_weaver.conversion.request import Request
from tests.helpers.experiment_files import (
    SAMPLES,
    known_jets,
    nanoaod_events,
    pfnano_events,
    write_aspen,
    write_events,
)
from tests.helpers.messages import naming

JETS = known_jets()
TRACKS = ("d0val", "d0err", "dzval", "dzerr")
PARTICLES = ("px", "py", "pz", "energy", "charge", *(f"is{kind}" for kind in KINDS))


def table(batch: JetBatch):
    parts = batch.constituents.by_falling_pt()
    axis = batch.axis or sum_of(parts, batch.number)
    return table_of(batch, parts, axis, np.ones(batch.number, dtype=bool))


def converted(path, reader=nano, **request):
    return ak.concatenate([table(batch) for batch in reader.read(path, Request(**request))])


def assert_particles(found, expected, names):
    assert ak.num(found.part_px).tolist() == ak.num(expected.part_px).tolist()
    for name in names:
        values, wanted = (np.asarray(ak.flatten(jets[f"part_{name}"])) for jets in (found, expected))
        np.testing.assert_allclose(values, wanted, rtol=2e-5, atol=1e-6, err_msg=name)


def assert_sums(found, expected):
    """Jets are the sums of their particles, and angles are relative to that."""
    px, py, pz, energy = (
        np.asarray(ak.sum(ak.values_astype(expected[f"part_{name}"], "float64"), axis=1))
        for name in ("px", "py", "pz", "energy")
    )
    pt, eta, phi = np.hypot(px, py), np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px)
    for name, wanted in {"pt": pt, "eta": eta, "phi": phi, "energy": energy}.items():
        np.testing.assert_allclose(found[f"jet_{name}"], wanted, rtol=1e-5, atol=1e-6, err_msg=name)
    part_eta = np.arcsinh(expected.part_pz / np.hypot(expected.part_px, expected.part_py))
    deta = (part_eta - eta) * np.where(eta < 0, -1, 1)
    dphi = np.arctan2(expected.part_py, expected.part_px) - phi
    np.testing.assert_allclose(ak.flatten(found.part_deta), ak.flatten(deta), atol=2e-5)
    np.testing.assert_allclose(np.cos(ak.flatten(found.part_dphi - dphi)), 1, atol=1e-8)
    assert ak.all(np.abs(found.part_dphi) <= np.pi)


@pytest.fixture
def pfnano(tmp_path):
    return write_events(tmp_path / "nano.root", pfnano_events(JETS))


def test_jets_of_pfnano_come_back(pfnano):
    found = converted(pfnano)
    assert_particles(found, JETS, (*PARTICLES, *TRACKS))
    assert_sums(found, JETS)
    assert found.jet_sdmass.tolist() == np.maximum(np.linspace(-1, 120, 9), 0).astype("float32").tolist()
    assert found.event.tolist() == [2**40 + n for n in (0, 0, 0, 1, 1, 1, 2, 2, 2)]
    assert (str(found.event.type), str(found.run.type)) == ("9 * int64", "9 * int64")
    assert str(found.part_charge.type) == "9 * var * float32"


def test_generator_level_jets_are_those_that_the_jets_point_at(pfnano, tmp_path):
    found = converted(pfnano)
    pt = np.hypot(ak.sum(JETS.part_px, axis=1), ak.sum(JETS.part_py, axis=1))
    wanted = np.full(9, np.nan)
    wanted[::3], wanted[2::3] = pt[::3] + 1, pt[2::3] + 3
    np.testing.assert_allclose(found.jet_gen_pt, wanted, rtol=1e-6)
    np.testing.assert_allclose(found.jet_gen_mass, 0.1 * wanted, rtol=1e-6)
    events = pfnano_events(JETS)
    beyond = ak.values_astype(ak.full_like(events["FatJet_genJetAK8Idx"], 2), np.int32)
    pruned = converted(write_events(tmp_path / "pruned.root", {**events, "FatJet_genJetAK8Idx": beyond}))
    assert np.isnan(ak.to_numpy(pruned.jet_gen_pt)).all()
    data = {name: values for name, values in events.items() if not name.startswith("Gen")}
    assert "jet_gen_pt" not in converted(write_events(tmp_path / "data.root", data)).fields


def test_an_rntuple_gives_the_same_jets(pfnano, tmp_path):
    path = write_events(tmp_path / "rntuple.root", pfnano_events(JETS), is_rntuple=True)
    assert nano.count_entries(path) == 3
    assert ak.array_equal(converted(path), converted(pfnano), dtype_exact=False, equal_nan=True)


def test_the_number_of_events_read_at_once_does_not_matter(pfnano, monkeypatch):
    whole = converted(pfnano)
    monkeypatch.setattr(nano, "EVENTS_AT_ONCE", 1)
    assert ak.array_equal(converted(pfnano), whole, equal_nan=True)


def test_nanoaod_has_kinematics_and_types(tmp_path):
    found = converted(write_events(tmp_path / "nano.root", nanoaod_events(JETS)))
    assert_particles(found, JETS, PARTICLES)
    assert_sums(found, JETS)
    assert not any(f"part_{name}" in found.fields for name in TRACKS)


def test_jets_of_aspen_come_back(tmp_path):
    found = converted(write_aspen(tmp_path / "aspen.h5", JETS), aspen, columns=("particleNet_HbbvsQCD",))
    assert_particles(found, JETS, (*PARTICLES, *TRACKS))
    assert_sums(found, JETS)
    assert found.jet_sdmass.tolist()[0] == 0
    assert found.event.tolist() == list(range(9))
    assert found.particleNet_HbbvsQCD.tolist() == [6.0] * 9


@pytest.mark.parametrize("weighted", [True, False])
def test_weights_are_taken_if_jets_add_up_with_them(tmp_path, weighted):
    events = pfnano_events(JETS, weighted=weighted)
    # Of weight 0, but part of jets that were made without weights.
    dropped = events["PFCands_puppiWeight"] == 0
    if not weighted:
        events["PFCands_pt"] = ak.values_astype(ak.where(dropped, 1e-12, events["PFCands_pt"]), "float32")
    path = write_events(tmp_path / "nano.root", events)
    found = converted(path)
    np.testing.assert_allclose(found.jet_pt, np.hypot(*(ak.sum(JETS[f"part_{n}"], axis=1) for n in ("px", "py"))), 1e-5)
    (note,) = next(iter(nano.read(path, Request()))).notes
    assert note == (nano.WEIGHTED if weighted else nano.UNWEIGHTED)


def test_the_weights_are_looked_at_where_there_are_candidates(tmp_path, monkeypatch):
    events = pfnano_events(JETS)
    is_first = np.arange(3) == 0
    for name in ("FatJetPFCands_jetIdx", "FatJetPFCands_pFCandsIdx"):
        events[name] = events[name][ak.unflatten(np.repeat(~is_first, ak.num(events[name])), ak.num(events[name]))]
    monkeypatch.setattr(nano, "EVENTS_AT_ONCE", 1)
    notes = [batch.notes for batch in nano.read(write_events(tmp_path / "nano.root", events), Request())]
    assert notes == [(), (nano.WEIGHTED,), (nano.WEIGHTED,)]


def test_other_collections_and_columns(tmp_path):
    events = {name.replace("FatJet", "Jet"): values for name, values in pfnano_events(JETS).items()}
    path = write_events(tmp_path / "nano.root", events)
    found = converted(path, jets="Jet", columns=("Jet_score",))
    assert_particles(found, JETS, PARTICLES)
    assert found.Jet_score.tolist() == [n / 16 for n in range(9)]


def test_columns_of_other_lengths_are_refused(pfnano):
    with pytest.raises(UserError, match=naming("PFCands_pt", "--columns")):
        converted(pfnano, columns=("PFCands_pt",))


def test_missing_branches_are_all_named(tmp_path):
    events = pfnano_events(JETS)
    kept = {name: values for name, values in events.items() if name not in ("PFCands_phi", "FatJetPFCands_jetIdx")}
    with pytest.raises(UserError, match=naming("PFCands_phi", "FatJetPFCands_jetIdx", "FatJet_none")):
        converted(write_events(tmp_path / "nano.root", kept), columns=("FatJet_none",))


def test_a_file_of_another_layout_is_named(tmp_path):
    path = write_events(tmp_path / "delphes.root", {"PT": np.zeros(2)}, tree="Delphes")
    with pytest.raises(UserError, match=naming("Events", "Delphes", "hepjepa convert delphes")):
        converted(path)


def test_a_file_that_is_converted_already_is_named(tmp_path):
    path = write_events(tmp_path / "jets.root", {"part_px": ak.Array([[1.0], [2.0, 3.0]])}, tree="tree")
    with pytest.raises(UserError, match=naming("Events", "jets already")):
        converted(path)


def test_a_file_that_is_no_root_file_is_named(tmp_path):
    path = tmp_path / "nano.root"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(UserError, match=naming("nano.root", "cannot be read")):
        converted(path)


def test_links_that_point_nowhere_are_refused(tmp_path):
    events = pfnano_events(JETS)
    events["FatJetPFCands_pFCandsIdx"] = events["FatJetPFCands_pFCandsIdx"] + 1
    with pytest.raises(UserError, match=naming("FatJetPFCands_pFCandsIdx", "not there")):
        converted(write_events(tmp_path / "nano.root", events))


@pytest.mark.parametrize("code", [0, 321])
def test_codes_that_cms_does_not_use_are_refused(tmp_path, code):
    events = pfnano_events(JETS)
    is_photon = events["PFCands_pdgId"] == 22
    events["PFCands_pdgId"] = ak.values_astype(ak.where(is_photon, code, events["PFCands_pdgId"]), "int32")
    with pytest.raises(UserError, match=naming("PFCands_pdgId", code)):
        converted(write_events(tmp_path / "nano.root", events))


def test_forward_hadrons_and_photons_have_their_kinds(tmp_path):
    events = pfnano_events(JETS)
    codes = events["PFCands_pdgId"]
    events["PFCands_pdgId"] = ak.values_astype(ak.where(codes == 130, 1, ak.where(codes == 22, 2, codes)), "int32")
    assert_particles(converted(write_events(tmp_path / "nano.root", events)), JETS, PARTICLES)


def test_tracks_that_are_not_numbers_are_no_tracks(tmp_path):
    events = pfnano_events(JETS)
    events["PFCands_d0"] = ak.values_astype(events["PFCands_d0"] * np.nan, "float32")
    found = converted(write_events(tmp_path / "nano.root", events))
    for name in TRACKS:
        assert ak.all(found[f"part_{name}"] == 0)


def test_jets_without_particles_are_left_out_and_counted(tmp_path):
    events = pfnano_events(JETS)
    of_first = events["FatJetPFCands_jetIdx"] == 1
    for name in ("FatJetPFCands_jetIdx", "FatJetPFCands_pFCandsIdx"):
        events[name] = events[name][~of_first]
    found = converted(write_events(tmp_path / "nano.root", events))
    assert_particles(found, JETS[[0, 2, 3, 5, 6, 8]], PARTICLES)
    assert found.event.tolist() == [2**40 + n for n in (0, 0, 1, 1, 2, 2)]


def test_an_aspen_file_of_other_arrays_is_refused(tmp_path):
    tables = pytest.importorskip("tables")
    path = tmp_path / "other.h5"
    with tables.open_file(str(path), "w") as file:
        file.create_array("/", "jet1", np.zeros((2, 4)))
    with pytest.raises(UserError, match=naming("PFCands", "jet_kinematics", "jet1")):
        converted(path, aspen)


def test_options_of_event_files_are_refused_for_jet_files(tmp_path):
    path = write_aspen(tmp_path / "aspen.h5", JETS)
    with pytest.raises(UserError, match=naming("--jets", "FatJet")):
        converted(path, aspen, jets="FatJet")
    with pytest.raises(UserError, match=naming("--columns", "score")):
        converted(path, aspen, columns=("score",))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs real files")
def test_a_real_file_of_pfnano():
    """Numbers as measured with code that is independent of this package."""
    found = converted(SAMPLES / "pfnano.root")
    assert (len(found), int(ak.sum(ak.num(found.part_px)))) == (24, 1076)
    assert int(ak.sum((found.part_charge != 0) & (found.part_d0err == 0))) == 34
    assert ak.all(found.jet_sdmass >= 0)
