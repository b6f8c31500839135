"""Encoders read off checkpoints: the same embeddings as the networks they come from, jets in the order of the file."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

import hepjepa_weaver
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.embedding import load_encoder
from hepjepa_weaver.host import jet_chunks
from hepjepa_weaver.model.baselines import ParticleTransformerWrapper
from hepjepa_weaver.model.encoder import build_particle_transformer
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.networks import SMALL_ENCODER, small_classifier, small_jepa, small_mpm
from tests.helpers.toy_jets import random_jets, write_toy_files
from tests.helpers.toy_jets import weaver_inputs as as_given_by_weaver

DATA_CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"
LENGTHS = [1, 40, 7, 128, 0, 13]


def used(model: torch.nn.Module) -> torch.nn.Module:
    """Moved from where it starts: no weight or statistic of BatchNorm is as it was made."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                value.add_(0.1 * torch.rand_like(value) * (1 if "running_var" in name else 0.5))
    return model.eval()


def checkpoint(folder: Path, model: torch.nn.Module, old_names: bool = False) -> Path:
    """old_names: of the patches, as before they were called so."""
    weights = model.state_dict()
    if old_names:
        weights = {name.replace("patches.", "tokenizer."): value for name, value in weights.items()}
    torch.save(weights, folder / "net_state.pt")
    return folder / "net_state.pt"


@pytest.fixture(scope="module")
def jets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = write_toy_files(tmp_path_factory.mktemp("jets"), jets_per_class=6)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_registers": 2, "num_layers": 3},
        {"pair_bias": False},
        {"tokens": "patches", "num_patches": 5, "patch_size": 3},
        {"tokens": "patches", "num_patches": 5, "patch_size": 0},
        {"embed_dims": (8, 24), "pair_embed_dims": (6,), "num_heads": 3, "num_cls_layers": 1},
    ],
)
@pytest.mark.parametrize("old_names", [False, True])
def test_sizes_are_read_off_a_pretraining(options, old_names, tmp_path):
    model = used(small_jepa(**options))
    inputs = as_given_by_weaver(random_jets(LENGTHS))
    encoder = load_encoder(checkpoint(tmp_path, model, old_names), DATA_CONFIG)
    with torch.no_grad():
        expected = model(*inputs)
    torch.testing.assert_close(encoder(inputs), expected, atol=1e-5, rtol=1e-5)
    assert encoder.width == expected.size(1)


def test_either_encoder_of_a_pretraining(tmp_path):
    model = used(small_jepa())
    path, inputs = checkpoint(tmp_path, model), as_given_by_weaver(random_jets(LENGTHS))
    target, default, context = (load_encoder(path, DATA_CONFIG, name)(inputs) for name in ("target", None, "context"))
    assert torch.equal(default, target)
    assert not torch.allclose(context, target, atol=1e-3)


def test_masked_particle_modelling_has_one_encoder(tmp_path):
    model = used(small_mpm())
    path, inputs = checkpoint(tmp_path, model), as_given_by_weaver(random_jets(LENGTHS))
    with torch.no_grad():
        torch.testing.assert_close(load_encoder(path, DATA_CONFIG)(inputs), model(*inputs), atol=1e-5, rtol=1e-5)
    with pytest.raises(UserError, match=r"target_encoder\.mod\."):
        load_encoder(path, DATA_CONFIG, "target")


@pytest.mark.parametrize("pooling", ["class_token", "mean", "class_attention"])
def test_a_finetuned_network_is_pooled_as_it_was_trained(pooling, tmp_path):
    model = used(small_classifier(pooling=pooling, from_scratch=True))
    inputs = as_given_by_weaver(random_jets(LENGTHS))
    embedding = load_encoder(checkpoint(tmp_path, model), DATA_CONFIG)(inputs)
    with torch.no_grad():
        torch.testing.assert_close(model.fc(embedding), model(*inputs), atol=1e-4, rtol=1e-4)


def test_stock_particle_transformer(tmp_path):
    part = build_particle_transformer(17, EncoderConfig(**SMALL_ENCODER), WeaverOptions(), num_classes=10, fc_params=())
    model = used(ParticleTransformerWrapper(JetReader(REQUIRED_GROUPS, trim=False), part))
    inputs = as_given_by_weaver(random_jets([1, 40, 7, 13]))
    embedding = load_encoder(checkpoint(tmp_path, model), DATA_CONFIG)(inputs)
    with torch.no_grad():
        torch.testing.assert_close(model.mod.fc(embedding), model(*inputs), atol=1e-4, rtol=1e-4)


def test_jets_are_in_the_order_of_the_files_however_they_are_cut(jets, tmp_path, monkeypatch):
    encoder = load_encoder(checkpoint(tmp_path, used(small_jepa())), DATA_CONFIG)
    whole = encoder.embed(jets)
    assert whole.file.tolist() == np.repeat(np.arange(10), 6).tolist()
    assert whole.entry.tolist() == list(range(6)) * 10
    monkeypatch.setattr(jet_chunks, "CHUNK", 4)
    pieces = encoder.embed(jets, batch_size=3)
    assert pieces.entry.tolist() == whole.entry.tolist()
    np.testing.assert_allclose(pieces.embedding, whole.embedding, atol=1e-5)
    one = encoder.embed(str(jets[3]))
    np.testing.assert_allclose(one.embedding, whole.embedding[18:24], atol=1e-5)
    with uproot.open(jets[3]) as file:
        table = file["tree"].arrays()
    np.testing.assert_allclose(encoder.embed(table).embedding, one.embedding, atol=1e-5)


def test_no_labels_are_needed(jets, tmp_path):
    encoder = load_encoder(checkpoint(tmp_path, used(small_jepa())), DATA_CONFIG)
    with uproot.open(jets[0]) as file:
        table = file["tree"].arrays()
    bare = table[[name for name in table.fields if not name.startswith("label_")]]
    np.testing.assert_array_equal(encoder.embed(bare).embedding, encoder.embed(table).embedding)
    with pytest.raises(UserError, match="part_d0val"):
        encoder.embed(bare[[name for name in bare.fields if name != "part_d0val"]])


def test_a_selection_that_nothing_passes_gives_no_jets(jets, tmp_path):
    config = tmp_path / "none.yaml"
    config.write_text(DATA_CONFIG.read_text().replace("selection:\n", "selection: jet_pt < 0\n", 1))
    embeddings = load_encoder(checkpoint(tmp_path, used(small_jepa())), config).embed(jets)
    assert len(embeddings) == 0
    assert embeddings.embedding.shape == (0, 16)


def test_what_does_not_fit_is_named(jets, tmp_path):
    path = checkpoint(tmp_path, small_jepa())
    with pytest.raises(UserError, match=r"17 features.*7"):
        load_encoder(path, DATA_CONFIG.with_name("JetClass_kin.yaml"))
    encoder = load_encoder(path, DATA_CONFIG)
    with pytest.raises(UserError, match="class_token"):
        encoder.embed(jets[0], pooling="class_token")  # fresh weights: nothing has trained it
    with pytest.raises(UserError, match="batch_size is 0"):
        encoder.embed(jets[0], batch_size=0)
    for name in ("gone.root", "jets.csv"):
        with pytest.raises(UserError, match=name):
            encoder.embed(tmp_path / name)
    (tmp_path / "cut.root").write_bytes(jets[0].read_bytes()[:500])
    with pytest.raises(UserError, match=r"cut\.root"):
        encoder.embed(tmp_path / "cut.root")
    with pytest.raises(UserError, match=r"gone\.yaml"):
        load_encoder(path, tmp_path / "gone.yaml")


@pytest.mark.parametrize("lost", ["mod.blocks.1.fc1.weight", "mod.blocks.0.c_attn", "mod.embed.input_bn.weight"])
def test_a_missing_weight_is_named(lost, tmp_path):
    weights = small_jepa().state_dict()
    torch.save({name: value for name, value in weights.items() if not name.endswith(lost)}, tmp_path / "net.pt")
    with pytest.raises(UserError, match=lost):
        load_encoder(tmp_path / "net.pt", DATA_CONFIG)


def test_the_package_offers_it(tmp_path):
    path = checkpoint(tmp_path, small_jepa())
    assert hepjepa_weaver.load_encoder(path, DATA_CONFIG).width == 16
    with pytest.raises(AttributeError, match="load_decoder"):
        hepjepa_weaver.load_decoder  # noqa: B018


def test_the_command_writes_file_entry_and_embedding(jets, tmp_path):
    path = checkpoint(tmp_path, used(small_jepa()))
    done = hepjepa("embed", path, *jets[:2], "--data-config", DATA_CONFIG, "-o", "new/out.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = ak.from_parquet(tmp_path / "new/out.parquet")
    assert table["file"].to_list() == [str(jets[0])] * 6 + [str(jets[1])] * 6
    assert table["entry"].to_list() == list(range(6)) * 2
    expected = load_encoder(path, DATA_CONFIG).embed(jets[:2]).embedding
    np.testing.assert_array_equal(ak.to_numpy(table["embedding"]), expected)
    gone = hepjepa("embed", "gone.pt", *jets[:2], "--data-config", DATA_CONFIG, "-o", "out.parquet", cwd=tmp_path)
    assert gone.returncode == 1
    assert "gone.pt" in gone.stderr
    assert gone.stderr.count("\n") == 1
