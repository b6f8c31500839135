"""Tokenizers read off checkpoints: from files or arrays to codes, and back, in the order of the jets."""

import awkward as ak
import numpy as np
import pytest
import uproot

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.pretrained_tokenizer import open_tokenizer
from hepjepa_weaver.fidelity.particles import read_particles
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import naming
from tests.helpers.networks import small_config, small_jepa
from tests.helpers.tokens import model_options, saved, saved_tokenizer, small_model
from tests.helpers.toy_jets import write_toy_files

CONFIGS = REPOSITORY / "data_configs/JetClass"
N_JETS = 6


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return sorted(write_toy_files(tmp_path_factory.mktemp("jets"), N_JETS).iterdir())[:3]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    path = saved_tokenizer(tmp_path_factory.mktemp("net") / "net.pt", encoding="causal", token_features="full")
    return open_tokenizer(path, CONFIGS / "JetClass_full.yaml")


def test_jets_have_their_codes_in_the_order_of_the_files(opened, files):
    found = opened.codes(files)
    assert len(found) == 3 * N_JETS
    assert found.file.tolist() == [number for number in range(3) for _ in range(N_JETS)]
    assert found.entry.tolist() == list(range(N_JETS)) * 3
    assert found.files == tuple(files)
    given = read_particles(files)
    assert ak.num(found.codes).tolist() == given.counts.tolist()
    assert ak.max(found.codes) < opened.num_codes == 64
    for name in ("pt", "deta", "dphi"):
        np.testing.assert_allclose(ak.flatten(found.original[name]), getattr(given, name), rtol=1e-4, atol=1e-5)
    alone = opened.codes(files[1])
    assert alone.codes.tolist() == found.codes[N_JETS : 2 * N_JETS].tolist()


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_the_batch_size_changes_nothing(opened, files, batch_size):
    wanted = opened.codes(files)
    assert opened.codes(files, batch_size).codes.tolist() == wanted.codes.tolist()
    particles = opened.particles(wanted.codes, batch_size)
    np.testing.assert_allclose(ak.flatten(particles.pt), ak.flatten(opened.particles(wanted.codes).pt), rtol=1e-4)


def test_an_array_has_the_codes_of_its_file(opened, files):
    with uproot.open(files[0]) as file:
        table = file["tree"].arrays()
    found = opened.codes(table)
    assert found.codes.tolist() == opened.codes(files[0]).codes.tolist()
    assert found.files == ()


def test_particles_have_all_that_the_codes_keep(opened, files):
    particles = opened.particles(opened.codes(files).codes)
    assert ak.num(particles).tolist() == read_particles(files).counts.tolist()
    assert {"pt", "deta", "dphi", "part_charge", "part_d0", "part_isMuon"} <= set(particles.fields)
    assert ak.min(particles.pt) > 0


def test_no_jets_have_no_codes(opened, files):
    with uproot.open(files[0]) as file:
        table = file["tree"].arrays()[:0]
    found = opened.codes(table)
    assert len(found) == len(found.codes) == 0
    assert len(opened.particles(found.codes)) == 0
    assert opened.particles([[], [3]]).pt.to_list()[0] == []
    for none in ([], found.codes, ak.Array([[1]])[:0]):
        assert opened.particles(none).pt.to_list() == []


@pytest.mark.parametrize("codes", ["abc", [1, 2, 3], 5, None, [["a"]], [[[1]]], [[1.5, 2.0]], [[True]], [None, [1]]])
def test_what_is_no_list_of_codes_is_refused(opened, codes):
    with pytest.raises(UserError, match=naming("N lists")):
        opened.particles(codes)


@pytest.mark.parametrize("batch_size", [0, -1])
def test_particles_need_a_batch(opened, batch_size):
    with pytest.raises(UserError, match=naming("batch_size", batch_size)):
        opened.particles([[1]], batch_size)


def test_a_next_token_model_gives_its_tokenizer(tmp_path, opened, files):
    model = small_model(opened.tokenizer, backbone="ids")
    path = saved(model, model_options(backbone="ids"), tmp_path / "model.pt")
    found = open_tokenizer(path, CONFIGS / "JetClass_full.yaml")
    assert found.codes(files).codes.tolist() == opened.codes(files).codes.tolist()


def test_a_jet_without_particles_has_no_codes_and_gives_none(opened, files):
    with uproot.open(files[0]) as file:
        table = file["tree"].arrays()
    particles = [name for name in table.fields if name.startswith("part_")]
    for name in particles:
        table[name] = ak.where(ak.local_index(table[name], axis=0) == 2, table[name][:, :0], table[name])
    found, before = opened.codes(table), opened.codes(files[0])
    assert found.codes[2].tolist() == []
    assert found.original.pt[2].tolist() == []
    assert found.codes[3:].tolist() == before.codes[3:].tolist()
    assert ak.num(opened.particles(found.codes).pt).tolist() == ak.num(found.codes).tolist()


def test_infinite_particles_are_told_with_their_file(opened, files):
    with uproot.open(files[0]) as file:
        table = file["tree"].arrays()
    table["part_deta"] = table.part_deta + np.where(np.arange(N_JETS) == 1, np.inf, 0)
    with pytest.raises(UserError, match=naming("the array", "1 of 6 jets", "not finite")):
        opened.codes(table)


def test_mistakes_are_told(tmp_path, opened, files):
    with pytest.raises(UserError, match=naming("int", "awkward array")):
        opened.codes(5)
    with pytest.raises(UserError, match=naming("batch_size", 0)):
        opened.codes(files, 0)
    with pytest.raises(UserError, match=naming(64, 63)):
        opened.particles([[1, 64]])
    with pytest.raises(UserError, match=naming("gone.root")):
        opened.codes(tmp_path / "gone.root")
    saved(small_jepa(), small_config(), tmp_path / "jepa.pt")
    with pytest.raises(UserError, match=naming("jepa.pt", "no tokenizer")):
        open_tokenizer(tmp_path / "jepa.pt", CONFIGS / "JetClass_full.yaml")
