"""Files of generated jets: what the rest of the package reads back, whole or not at all."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import uproot

from hepjepa_weaver.batch.columns import DISPLACEMENT
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.particles import read_particles
from hepjepa_weaver.generation.files import HAS_ENDED, branch_types, jet_table, write_jets
from hepjepa_weaver.generation.generator import GeneratedJets
from tests.helpers.messages import naming
from tests.helpers.tokens import small_tokenizer
from tests.helpers.typed_jets import typed_jets

NAMES = ("label_QCD", "label_Tbqq")
KEPT = [{}, {"token_features": "full"}, {"token_features": "full", "own_identity_code": True}]


def generated(label: bool = True, axis: float = 0.0, **options) -> GeneratedJets:
    tokenizer = small_tokenizer(encoding="causal", **options)
    codes = tokenizer.codes(typed_jets([30, 3, 17, 1, 50]))
    ended = torch.tensor([True, True, True, True, False])
    number = torch.tensor([0, 1, 0, 1, 1]) if label else None
    return GeneratedJets(codes, tokenizer.particles(codes), ended, number, torch.full((5, 1), axis))


def written(jets: GeneratedJets, path: Path, class_names: tuple[str, ...] = NAMES) -> int:
    types = branch_types(jets.particles.extras, class_names)
    return write_jets([jet_table(jets, class_names)], types, path)


@pytest.mark.parametrize("axis", [0.0, 1.3])
def test_particles_are_read_back_by_the_comparison_of_jets(tmp_path, axis):
    jets = generated(axis=axis)
    assert written(jets, tmp_path / "jets.root") == 5
    found = read_particles([tmp_path / "jets.root"])
    real = jets.particles.is_real
    assert found.counts.tolist() == [30, 3, 17, 1, 50]
    np.testing.assert_allclose(found.pt, jets.particles.pt[real], rtol=1e-4)
    np.testing.assert_allclose(found.deta, jets.particles.deta[real], atol=1e-5)
    np.testing.assert_allclose(found.dphi, jets.particles.dphi[real], atol=1e-5)
    assert [found.label_names[label] for label in found.label] == ["QCD", "Tbqq", "QCD", "Tbqq", "Tbqq"]


def test_a_jet_is_the_sum_of_its_massless_particles(tmp_path):
    jets = generated(axis=1.3)
    written(jets, tmp_path / "jets.root")
    with uproot.open(tmp_path / "jets.root") as file:
        table = file["tree"].arrays()
    for place, count in enumerate([30, 3, 17, 1, 50]):
        px, py, pz, energy = (
            np.asarray(table[f"part_{name}"][place], np.float64) for name in ("px", "py", "pz", "energy")
        )
        np.testing.assert_allclose(energy, np.sqrt(px**2 + py**2 + pz**2), rtol=1e-5)
        np.testing.assert_allclose(np.arctanh(pz / energy) - 1.3, table["part_deta"][place], atol=1e-4)
        assert table["jet_pt"][place] == pytest.approx(np.hypot(px.sum(), py.sum()), rel=1e-4)
        assert table["jet_energy"][place] == pytest.approx(energy.sum(), rel=1e-4)
        assert table["jet_nparticles"][place] == count
    assert table["jet_eta"].tolist() == pytest.approx([1.3] * 5)
    assert table["jet_phi"].tolist() == [0] * 5
    assert table[HAS_ENDED].tolist() == [1, 1, 1, 1, 0]
    assert table["jet_tau1"][0] > table["jet_tau2"][0] > table["jet_tau3"][0]
    assert table["jet_sdmass"][0] > 0


@pytest.mark.parametrize("options", KEPT, ids=str)
def test_the_file_has_what_the_codes_keep_in_the_names_of_jetclass(tmp_path, options):
    jets = generated(**options)
    written(jets, tmp_path / "jets.root")
    with uproot.open(tmp_path / "jets.root") as file:
        table = file["tree"].arrays()
    names = {"part_charge", "part_isMuon", "part_d0val", "part_dzerr"}
    assert names & set(table.fields) == (names if options else set())
    if not options:
        return
    real = jets.particles.is_real
    flags = np.stack([np.concatenate(table[f"part_is{name}"].to_list()) for name in
                      ("ChargedHadron", "NeutralHadron", "Photon", "Electron", "Muon")])  # fmt: skip
    assert (flags.sum(axis=0) == 1).all()
    for name in DISPLACEMENT:
        is_error = name.endswith("err")
        branch = f"part_{name[5:7]}{'err' if is_error else 'val'}"
        given = np.concatenate(table[branch].to_list())
        wanted = jets.particles.extras[name][real].numpy()
        np.testing.assert_allclose(given if is_error else np.tanh(given), wanted, atol=1e-5)
        assert np.isfinite(given).all()


def test_without_classes_there_are_no_labels(tmp_path):
    written(generated(label=False), tmp_path / "jets.root", ())
    assert read_particles([tmp_path / "jets.root"]).label_names == ()


def test_several_tables_are_one_file(tmp_path):
    jets = generated()
    tables = (jet_table(jets, NAMES) for _ in range(3))
    assert write_jets(tables, branch_types({}, NAMES), tmp_path / "new/jets.root") == 15
    assert len(read_particles([tmp_path / "new/jets.root"])) == 15


def test_a_full_disk_leaves_nothing_and_is_told(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    jets = generated()
    written(jets, tmp_path / "old.root")
    before = (tmp_path / "old.root").read_bytes()
    monkeypatch.setattr("uproot.sink.file.FileSink.write", full)
    for name in ("jets.root", "old.root"):
        with pytest.raises(UserError, match=naming(name, "No space left", "-o")):
            written(jets, tmp_path / name)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["old.root"]
    assert (tmp_path / "old.root").read_bytes() == before


def test_an_error_in_the_middle_leaves_nothing(tmp_path):
    def tables():
        yield jet_table(generated(), NAMES)
        raise UserError("a later batch")

    with pytest.raises(UserError, match="a later batch"):
        write_jets(tables(), branch_types({}, NAMES), tmp_path / "jets.root")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=naming("file/jets.root", "-o")):
        written(generated(), tmp_path / "file/jets.root")
