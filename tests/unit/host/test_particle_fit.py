"""Clusters that a training fits to its own jets."""

import awkward as ak
import pytest
import torch
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.particle_fit import ParticleFitConfig
from hepjepa_weaver.host.input_files import some_matching_files
from hepjepa_weaver.host.particle_fit import fit_particles, fit_to_training_files
from tests.helpers.data_configs import jetclass_config
from tests.helpers.messages import names, naming
from tests.helpers.toy_jets import write_toy_files

OPTIONS = jetclass_config("full").options


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    write_toy_files(folder / "toys", 20)
    return folder / "toys"


def test_it_fits_what_the_command_fits(toys):
    files = sorted(toys.glob("*.root"))
    own = fit_to_training_files([f"{toys}/*.root"], OPTIONS)
    wanted = fit_particles(files, OPTIONS, ParticleFitConfig(), 50_000, seed=0)
    assert own.centres.shape == (512, 7)
    assert own.num_fitted == wanted.num_fitted > 512
    for name, value in wanted.state_dict().items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(own.state_dict()[name], value), name


def test_a_file_that_cannot_be_read_is_left_out_and_named(toys, tmp_path, caplog):
    (tmp_path / "bad.root").write_bytes(b"no such thing")
    whole = fit_to_training_files([f"{toys}/*.root"], OPTIONS)
    found = fit_to_training_files([f"{toys}/*.root", f"{tmp_path}/bad.root"], OPTIONS)
    assert found.num_fitted == whole.num_fitted
    assert names(caplog.text, "bad.root", "left out")


def test_files_that_cannot_be_used_at_all_are_named(tmp_path):
    for name in ("bad", "worse"):
        (tmp_path / f"{name}.root").write_bytes(b"no such thing")
    with pytest.raises(UserError, match=naming("clusters", "bad.root", "worse.root")):
        fit_to_training_files([f"{tmp_path}/*.root"], OPTIONS)


def test_without_enough_particles_it_says_what_to_do(toys):
    nothing = {**OPTIONS, "selection": "jet_nparticles < 0"}
    with pytest.raises(UserError, match=naming("particle_statistics", 0, 512, "fit-particles --clusters")):
        fit_to_training_files([f"{toys}/*.root"], nothing)


def test_jets_are_those_that_the_training_selects(toys):
    """As many as asked for of each file pass the selection, wherever they stand; that of tests does not count."""
    selecting = {**OPTIONS, "selection": "jet_nparticles > 30", "test_time_selection": "jet_nparticles < 0"}
    files = sorted(toys.glob("*.root"))
    for most in (3, 10):
        found = fit_particles(files, selecting, ParticleFitConfig(4), most * len(files), seed=0)
        numbers = [uproot.open(path)["tree"]["jet_nparticles"].array() for path in files]
        assert found.num_fitted == sum(int(ak.sum(number[number > 30][:most])) for number in numbers)


def test_few_of_many_files_are_taken_evenly(tmp_path):
    for number in range(100):
        (tmp_path / f"{number:03}.root").touch()
    some = [path[-8:-5] for path in some_matching_files([f"{tmp_path}/*.root"], 5)]
    assert some == ["000", "024", "049", "074", "099"]
    assert len(some_matching_files([f"{tmp_path}/00*.root", f"a:{tmp_path}/01*.root"], 50)) == 20
