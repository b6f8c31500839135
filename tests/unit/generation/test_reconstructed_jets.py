"""Jets before and behind a tokenizer stay the same jets in the same order."""

import numpy as np
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.jet_rows import read_classes
from hepjepa_weaver.fidelity.particles import read_particles
from hepjepa_weaver.generation.reconstructed_jets import check_same_originals, reconstruct_files
from hepjepa_weaver.generation.reconstructed_samples import with_reconstructed
from hepjepa_weaver.generation.token_quality import read_test_jets, read_training_jets
from tests.helpers.messages import naming
from tests.helpers.toy_tokenizers import KINEMATICS, small_tokenizer

STEMS = ("ZJetsToNuNu", "HToBB", "TTBar")
NAMES = ("QCD", "Hbb", "Tbqq")


def files_of(toy_files, split="test"):
    return [toy_files / split / f"{stem}_000.root" for stem in STEMS]


def selecting(tmp_path, selection):
    path = tmp_path / "selected.yaml"
    path.write_text(KINEMATICS.read_text().replace("selection:\n", f"test_time_selection: {selection}\n", 1))
    return path


def test_codes_belong_to_their_particles(toy_files):
    tokenizer, classes = small_tokenizer("binned"), read_classes(files_of(toy_files))
    chosen = np.array([1, 4, 31, 62, 89])
    (found,) = reconstruct_files([tokenizer], files_of(toy_files), classes, chosen)
    jets = read_particles(files_of(toy_files))[chosen]
    check_same_originals(jets, found.original)
    np.testing.assert_array_equal(found.original.label, jets.label)
    scaled = np.stack([np.log(jets.pt) - 1.8, 3 * jets.deta, 3 * jets.dphi], axis=1)
    expected = tokenizer.tokenizer.bins.codes(torch.from_numpy(scaled).float()).numpy()
    assert np.mean(found.codes == expected) > 0.99  # values on an edge may be rounded across it
    back = tokenizer.tokenizer.bins.values(torch.from_numpy(found.codes)).numpy()
    np.testing.assert_allclose(found.reconstructed.deta, back[:, 1] / 3, rtol=1e-5)


@pytest.mark.parametrize("encoding", ["conditional", "causal", "unconditional", "binned"])
def test_a_part_of_the_jets_is_that_part(toy_files, encoding):
    tokenizer, files = small_tokenizer(encoding), files_of(toy_files)
    (found,) = reconstruct_files([tokenizer], files, read_classes(files), np.arange(0, 90, 3))
    some = found.chosen(np.array([2, 5, 29]))
    (again,) = reconstruct_files([tokenizer], files, read_classes(files), np.array([6, 15, 87]))
    np.testing.assert_array_equal(some.codes, again.codes)
    np.testing.assert_allclose(some.reconstructed.pt, again.reconstructed.pt, rtol=1e-4)


def test_equal_numbers_of_the_classes_that_are_there(toy_files):
    tokenizers = {name: small_tokenizer(name) for name in ("binned", "unconditional")}
    found = read_test_jets(tokenizers, files_of(toy_files), 20, seed=1)
    for jets in found.values():
        assert set(jets.original.label_names) == set(NAMES)
        assert np.bincount(jets.original.label).tolist() == [6, 6, 6]
    check_same_originals(found["binned"].original, found["unconditional"].original)
    train = read_training_jets(tokenizers, files_of(toy_files, "train"), found["binned"].original, None, 1)
    assert train["binned"].original.label_names == found["binned"].original.label_names
    assert np.bincount(train["binned"].original.label).tolist() == [30, 30, 30]


def test_a_selection_leaves_equal_numbers(toy_files, tmp_path):
    config = selecting(tmp_path, "jet_nparticles > 30")
    found = read_test_jets({"a": small_tokenizer("binned", 0, config)}, files_of(toy_files), None, seed=0)["a"]
    counts = np.bincount(found.original.label)
    assert counts.min() == counts.max() > 0
    assert found.original.counts.min() > 30
    config = selecting(tmp_path, "jet_nparticles > 300")
    with pytest.raises(UserError, match=naming("selection")):
        read_test_jets({"a": small_tokenizer("binned", 0, config)}, files_of(toy_files), None, seed=0)


def test_training_jets_need_all_classes_and_labels(toy_files):
    tokenizers = {"a": small_tokenizer("binned")}
    test = read_test_jets(tokenizers, files_of(toy_files), 9, seed=0)["a"].original
    with pytest.raises(UserError, match=naming("--train", "Tbqq")):
        read_training_jets(tokenizers, files_of(toy_files, "train")[:2], test, None, 0)


def test_a_comparison_reconstructs_the_jets_that_it_takes(toy_files):
    tokenizer, files = small_tokenizer("binned"), files_of(toy_files)
    paths = {"real": files, "floor": files_of(toy_files, "val")}
    samples = {name: read_particles(of) for name, of in paths.items()}
    generated = read_particles(files_of(toy_files, "train"))
    found = with_reconstructed(tokenizer, generated, samples, paths, 30, seed=0)
    assert {name: len(jets) for name, jets in found.items()} == dict.fromkeys(
        ("real", "reconstructed", "floor", "floor-reconstructed"), 30
    )
    np.testing.assert_array_equal(found["real"].counts, found["reconstructed"].counts)
    np.testing.assert_array_equal(found["floor"].label, found["floor-reconstructed"].label)
    assert np.corrcoef(found["real"].deta, found["reconstructed"].deta)[0, 1] > 0.7


def test_another_number_of_particles_is_refused(toy_files):
    paths = {"real": files_of(toy_files)}
    samples = {"real": read_particles(paths["real"], max_particles=20)}
    with pytest.raises(UserError, match=naming("data config", "particles per jet")):
        with_reconstructed(small_tokenizer("binned"), samples["real"], samples, paths, None, 0)
