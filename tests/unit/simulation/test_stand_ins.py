"""MiniTop and MiniQuarkGluon: the windows and schemas of the data sets they stand in for."""

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.quark_gluon import CHARGED_HADRONS, ELECTRON, MUON, NEUTRAL_HADRONS, PHOTON
from hepjepa_weaver.simulation.files import JetFile, is_made
from hepjepa_weaver.simulation.generator import may_give_jet
from hepjepa_weaver.simulation.processes import DATA_SETS, JetProcess, find_process
from hepjepa_weaver.simulation.production import make_file
from hepjepa_weaver.simulation.simulation import Simulation
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hard_process import hard_process
from tests.helpers.messages import naming
from tests.helpers.published_files import write_quark_gluon_file, write_top_file
from tests.helpers.weaver_loader import read_with_weaver

CONFIGS = REPOSITORY / "data_configs"
STAND_INS = [process for name in ("MiniTop", "MiniQuarkGluon") for process in DATA_SETS[name]]


def make(process: JetProcess, n_jets: int, seed: int = 1):
    return ak.concatenate(list(Simulation(process, np.random.SeedSequence(seed)).jets(n_jets)))


@pytest.fixture(scope="module")
def jets():
    """25 jets of each class by its stem."""
    return {process.stem: make(process, 25) for process in STAND_INS}


@pytest.mark.slow
def test_top_jets_lie_in_the_window_of_the_top_landscape(jets):
    for stem, label in (("Top", 1), ("QCD", 0)):
        assert set(jets[stem].label.to_list()) == {label}
        assert np.all((jets[stem].jet_pt > 550) & (jets[stem].jet_pt < 650) & (np.abs(jets[stem].jet_eta) < 2))
        assert ak.max(np.hypot(jets[stem].part_deta, jets[stem].part_dphi)) > 0.4
    assert np.median(jets["Top"].jet_mass) > 1.5 * np.median(jets["QCD"].jet_mass)


@pytest.mark.slow
def test_quark_and_gluon_jets_lie_in_the_published_window(jets):
    for stem, label in (("Quark", 1), ("Gluon", 0)):
        table = jets[stem]
        assert set(table.label.to_list()) == {label}
        # Massless particles change the momentum of the jet a little.
        assert np.all((table.jet_pt > 499) & (table.jet_pt < 551) & (np.abs(table.jet_eta) < 1.75))
        assert ak.max(np.hypot(table.part_deta, table.part_dphi)) < 0.6
        codes = np.unique(np.abs(ak.to_numpy(ak.flatten(table.part_pid))))
        assert np.isin(codes, [*CHARGED_HADRONS, *NEUTRAL_HADRONS, PHOTON, ELECTRON, MUON]).all()
    assert ak.mean(jets["Gluon"].jet_nparticles) > 1.2 * ak.mean(jets["Quark"].jet_nparticles)


@pytest.mark.slow
def test_columns_are_those_of_the_published_files(jets, tmp_path):
    from hepjepa_weaver.datasets import quark_gluon, top_landscape  # noqa: PLC0415

    write_top_file(tmp_path / "train.h5", 3)
    top_landscape.convert(tmp_path / "train.h5", tmp_path / "top.parquet")
    write_quark_gluon_file(tmp_path / "QG.npz", 3)
    quark_gluon.convert(tmp_path / "QG.npz", tmp_path / "qg.parquet")
    for name, stems in (("top", ("Top", "QCD")), ("qg", ("Quark", "Gluon"))):
        published = ak.from_parquet(tmp_path / f"{name}.parquet")
        for stem in stems:
            assert jets[stem].fields == published.fields
            assert {f: str(jets[stem][f].type.content) for f in published.fields} == {
                f: str(published[f].type.content) for f in published.fields
            }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data_set", "stem", "config"),
    [("MiniTop", "Top", "TopLandscape/top_kin"), ("MiniQuarkGluon", "Quark", "QuarkGluon/qg_kinpidplus")],
)
def test_files_are_read_by_weaver_and_recognised(tmp_path, data_set, stem, config):
    (tmp_path / "train").mkdir()
    file = JetFile(tmp_path, stem, "train", 0, n_jets=5, seed=3, data_set=data_set)
    assert not is_made(file)
    make_file(file, [].append)
    assert file.path.name == f"{stem}_000.parquet"
    assert is_made(file)
    assert pq.read_metadata(file.path).num_row_groups == 1
    inputs, labels = read_with_weaver(file.path, CONFIGS / f"{config}.yaml")
    assert len(inputs["pf_mask"]) == 5
    assert set(labels.values()) == {0.0}
    with pytest.raises(UserError, match=naming(f"{stem}_000.parquet", "seed", 3, 4)):
        is_made(JetFile(tmp_path, stem, "train", 0, n_jets=5, seed=4, data_set=data_set))
    ak.to_parquet(ak.Array({"jet_pt": [1.0]}), file.path)
    with pytest.raises(UserError, match=naming(f"{stem}_000.parquet")):
        is_made(file)


def test_every_file_has_a_seed_of_its_own(tmp_path):
    files = [
        JetFile(tmp_path, process.stem, split, index, 5, seed=1, data_set=data_set)
        for data_set, processes in DATA_SETS.items()
        for process in processes
        for split in ("train", "val", "test")
        for index in (0, 1)
    ]
    states = {tuple(file.seed_sequence().generate_state(4)) for file in files}
    assert len(states) == len(files)


@pytest.mark.parametrize(
    ("code", "data_set", "name", "passes"),
    [
        (1, "MiniQuarkGluon", "Q", True),
        (3, "MiniQuarkGluon", "Q", True),
        (4, "MiniQuarkGluon", "Q", False),
        (5, "MiniQuarkGluon", "Q", False),
        (21, "MiniQuarkGluon", "G", True),
        (2, "MiniQuarkGluon", "G", False),
        (5, "MiniJetClass", "QCD", True),
    ],
)
def test_partons_that_may_make_the_jet(code, data_set, name, passes):
    event = hard_process([(code, 0, 520.0, 0.5, 0.0), (23, 0, 520.0, -0.5, np.pi)])
    assert may_give_jet(event, find_process(name, data_set)) is passes


def test_the_top_landscape_has_no_multiple_interactions():
    off = {name for name, processes in DATA_SETS.items() if "PartonLevel:MPI = off" in processes[0].all_settings}
    assert off == {"MiniTop"}


def test_each_parton_of_a_dijet_may_make_the_jet():
    qcd = find_process("QCD", "MiniTop")
    assert may_give_jet(hard_process([(21, 0, 600.0, 3.0, 0.0), (2, 0, 600.0, 0.5, np.pi)]), qcd)
    assert not may_give_jet(hard_process([(21, 0, 600.0, 3.0, 0.0), (2, 0, 600.0, -3.0, np.pi)]), qcd)
