"""`hepjepa convert`: files, options, what is checked, and the real command."""

import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.production import Settings, convert_all, plan_conversion
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.datasets.parquet_files import write_parquet
from tests.helpers.experiment_files import known_jets, pfnano_events, write_events
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.messages import names, naming
from tests.unit.conversion.test_other_layouts import jetclass2_table

JETS = known_jets()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_events(tmp_path_factory.mktemp("nano") / "nano_1.root", pfnano_events(JETS))


def convert(sources, folder, where="", file_format="root", jobs=1, layout="pfnano", **request):
    settings = Settings(layout, Request(**request), where, file_format)
    return convert_all(plan_conversion(sources, folder, settings), folder, jobs)


def tree(path):
    with uproot.open(path) as file:
        return file["tree"].arrays()


def test_root_and_parquet_files_hold_the_same_jets(source, tmp_path):
    check, number = convert([source], tmp_path / "root")
    convert([source], tmp_path / "parquet", file_format="parquet")
    root, parquet = tree(tmp_path / "root/nano_1.root"), ak.from_parquet(tmp_path / "parquet/nano_1.parquet")
    assert set(root.fields) == {*parquet.fields, "npart"}
    for name in parquet.fields:
        assert ak.array_equal(root[name], parquet[name], check_regular=False, equal_nan=True), name
    assert (number, check.jets, check.particles - check.dropped) == (1, 9, int(ak.sum(ak.num(JETS.part_px))))
    assert check.dropped == 3, "one of weight 0 in each event"


def test_jets_are_chosen_by_their_columns(source, tmp_path):
    check, _ = convert([source], tmp_path, where="(jet_pt > 100) & (np.abs(jet_eta) < 1)")
    found = tree(tmp_path / "nano_1.root")
    assert ak.all(found.jet_pt > 100)
    assert ak.all(np.abs(found.jet_eta) < 1)
    assert 0 < len(found) < 9
    assert (check.jets, check.unselected) == (len(found), 9 - len(found))


@pytest.mark.parametrize("where", ["jet_mass > 3", "jet_pt", "jet_pt >", "open('x')", "np.all(jet_pt > 0)"])
def test_a_wrong_expression_is_refused(source, tmp_path, where):
    with pytest.raises(UserError, match=naming("--where", where)):
        convert([source], tmp_path, where=where)
    assert not list(tmp_path.glob("*.root"))


def test_a_selection_that_leaves_nothing_is_refused(source, tmp_path):
    with pytest.raises(UserError, match=naming("nano_1.root", "--where")):
        convert([source], tmp_path, where="jet_pt > 1e6")
    assert list(tmp_path.iterdir()) == []


def spoilt(tmp_path, **changes):
    events = pfnano_events(JETS)
    columns = {name: ak.values_astype(change(events[name]), "float32") for name, change in changes.items()}
    return write_events(tmp_path / "in/nano.root", {**events, **columns})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"FatJet_rawFactor": lambda values: values * 0}, ("FatJet_pt", "FatJet_rawFactor", "add up")),
        ({"PFCands_pt": lambda values: values / 1000}, ("FatJet_pt", "add up")),
        ({"FatJet_eta": lambda values: values + 0.1}, ("FatJet_pt", "0.100")),
        ({"PFCands_d0Err": lambda values: values * 0 - 1}, ("PFCands_d0Err", "tracks are missing")),
        ({"PFCands_d0Err": lambda values: ak.where(values > 0, values * 10, -1)}, ("PFCands_d0Err", "unit")),
        ({"PFCands_d0Err": lambda values: ak.where(values > 0, values / 10, -1)}, ("PFCands_d0Err", "unit")),
    ],
    ids=["corrected", "momenta", "axes", "no_tracks", "large_unit", "small_unit"],
)
def test_jets_that_cannot_be_right_are_refused(tmp_path, changes, named):
    with pytest.raises(UserError, match=naming("nano.root", *named)):
        convert([spoilt(tmp_path, **changes)], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_half_of_the_links_are_too_few(tmp_path):
    events = pfnano_events(JETS)
    for name in ("FatJetPFCands_jetIdx", "FatJetPFCands_pFCandsIdx"):
        events[name] = events[name][:, ::2]
    with pytest.raises(UserError, match=naming("FatJet_pt", "add up")):
        convert([write_events(tmp_path / "nano.root", events)], tmp_path / "out")


def test_finished_files_stay_and_others_are_made(source, tmp_path):
    other = write_events(tmp_path / "nano_2.root", pfnano_events(JETS, seed=1))
    convert([source], tmp_path / "out")
    before = (tmp_path / "out/nano_1.root").stat().st_mtime_ns
    assert convert([source, other], tmp_path / "out")[1] == 1
    assert convert([source, other], tmp_path / "out")[1] == 0
    assert (tmp_path / "out/nano_1.root").stat().st_mtime_ns == before


@pytest.mark.parametrize("file_format", ["root", "parquet"])
def test_other_options_or_sources_want_another_folder(source, tmp_path, file_format):
    convert([source], tmp_path, file_format=file_format)
    message = naming(f"nano_1.{file_format}", "other options", "-o")
    with pytest.raises(UserError, match=message):
        convert([source], tmp_path, where="jet_pt > 10", file_format=file_format)
    other = write_events(tmp_path / "other/nano_1.root", pfnano_events(known_jets(12)))
    with pytest.raises(UserError, match=message):
        convert([other], tmp_path, file_format=file_format)
    (tmp_path / f"nano_1.{file_format}").write_text("something else")
    with pytest.raises(UserError, match=message):
        convert([source], tmp_path, file_format=file_format)


@pytest.mark.parametrize("name", ["part_px", "jet_pt", "label_Hbb", "sv_px"])
def test_columns_that_the_command_writes_are_refused(source, tmp_path, name):
    with pytest.raises(UserError, match=naming("--columns", name)):
        convert([source], tmp_path, columns=(name,))


def test_ragged_columns_do_not_disturb_a_selection(tmp_path):
    jets = jetclass2_table()
    jets["aux_genpart_pt"] = jets["part_px"]
    write_parquet([jets], tmp_path / "jets.parquet")
    convert([tmp_path / "jets.parquet"], tmp_path / "out", "jet_pt > 0", "parquet", layout="jetclass2",
            columns=("aux_genpart_pt",))  # fmt: skip
    found = ak.from_parquet(tmp_path / "out/jets.parquet")
    assert ak.array_equal(found.aux_genpart_pt, jets.aux_genpart_pt)


def test_files_that_would_be_lost_are_refused(source, tmp_path):
    with pytest.raises(UserError, match=naming("source files", "-o")):
        convert([source], source.parent)
    with pytest.raises(UserError, match=naming("nano_1.root", "twice")):
        convert([source, source], tmp_path)
    with pytest.raises(UserError, match=naming("none.root", "not there")):
        convert([tmp_path / "none.root"], tmp_path / "out")


@pytest.mark.slow
def test_the_command_with_two_processes(source, tmp_path):
    other = write_events(tmp_path / "nano_2.root", pfnano_events(JETS, seed=1))
    done = hepjepa(
        "convert", "pfnano", source, other, "-o", "jets", "--jobs", 2, "--columns", "FatJet_score", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert names(done.stdout, "2 files converted", "jets written", 18, "FatJet_rawFactor")
    assert {path.name for path in (tmp_path / "jets").iterdir()} == {"nano_1.root", "nano_2.root"}
    wanted = hepjepa("convert", "pfnano", source, other, "-o", "jets", "--jobs", 0, cwd=tmp_path)
    assert wanted.returncode == 1
    assert names(wanted.stderr, "--jobs", 1)


@pytest.mark.slow
def test_a_failing_file_leaves_the_others(source, tmp_path):
    bad = write_events(tmp_path / "bad.root", {"x": np.zeros(2)})
    done = hepjepa("convert", "pfnano", source, bad, "-o", "jets", "--jobs", 2, cwd=tmp_path)
    assert done.returncode == 1
    assert names(done.stderr, "bad.root", "FatJetPFCands_jetIdx")
    assert not (tmp_path / "jets/bad.root").exists()
    assert not list((tmp_path / "jets").glob(".*.part"))
