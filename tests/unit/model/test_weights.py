import pytest
import torch
from torch import nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.weights import (
    LoadsInitialWeights,
    load_part,
    pretrained_encoder,
    read_weights,
    with_present_names,
)
from tests.helpers.networks import small_classifier, small_jepa


def test_names_of_older_checkpoints_are_those_of_today():
    value = torch.zeros(1)
    old = {"tokenizer.each.0.weight": value, "context_encoder.mod.norm.bias": value}
    assert list(with_present_names(old)) == ["patches.each.0.weight", "context_encoder.mod.norm.bias"]


def test_a_checkpoint_of_patches_from_before_is_loaded_and_fine_tuned():
    jepa = small_jepa(tokens="patches")
    old = {name.replace("patches.", "tokenizer."): value for name, value in jepa.state_dict().items()}
    assert any(name.startswith("tokenizer.") for name in old)
    fresh = small_jepa(seed=1, tokens="patches")
    fresh.load_state_dict(old)
    assert torch.equal(fresh.patches.each[0].weight, jepa.patches.each[0].weight)
    classifier = small_classifier(tokens="patches", pooling="mean")
    classifier.load_state_dict(old, strict=False)
    assert torch.equal(classifier.patches.each[0].weight, jepa.patches.each[0].weight)
    assert torch.equal(classifier.mod.blocks[0].fc1.weight, jepa.target_encoder.mod.blocks[0].fc1.weight)


class WithTokenizer(LoadsInitialWeights):
    """A network with a codebook, for which the house keeps this name."""

    def __init__(self):
        super().__init__()
        self.tokenizer = nn.Module()
        self.tokenizer.each = nn.ModuleList([nn.Linear(2, 2)])


@pytest.mark.parametrize("strict", [True, False])
def test_a_codebook_keeps_its_name(strict):
    first, second = WithTokenizer(), WithTokenizer()
    second.load_state_dict(first.state_dict(), strict=strict)
    assert torch.equal(first.tokenizer.each[0].weight, second.tokenizer.each[0].weight)


def test_a_checkpoint_of_other_patches_is_refused_under_the_old_name_too():
    old = {name.replace("patches.", "tokenizer."): v for name, v in small_jepa(tokens="patches").state_dict().items()}
    with pytest.raises(UserError, match="patch_size 8"):
        small_jepa(tokens="patches", patch_size=4).load_state_dict(old)


def test_the_target_encoder_counts_before_the_context_encoder():
    jepa = small_jepa()
    picked = pretrained_encoder(jepa.state_dict())
    assert picked["mod.norm.bias"] is not None
    only = {name: value for name, value in jepa.state_dict().items() if not name.startswith("target_encoder.")}
    assert pretrained_encoder(only).keys() == picked.keys()
    assert pretrained_encoder({"mod.norm.bias": torch.zeros(1)}) == {}


class WithCodebook(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.codebook = nn.Embedding(4, width)


def test_a_part_is_loaded_from_a_file_of_its_own(tmp_path):
    other, network = WithCodebook(), WithCodebook()
    torch.save({f"quantiser.{name}": value for name, value in other.codebook.state_dict().items()}, tmp_path / "c.pt")
    load_part(network.codebook, tmp_path / "c.pt", "-o codebook", prefix="quantiser.")
    assert torch.equal(network.codebook.weight, other.codebook.weight)


@pytest.mark.parametrize(
    ("content", "prefix", "named"),
    [
        ({"codebook.weight": torch.zeros(4, 3)}, "", "weight"),
        ({"codebook.weight": torch.zeros(5, 3)}, "codebook.", "codebook.weight"),
        ({"weight": 3}, "", "c.pt"),
        (b"no checkpoint", "", "c.pt"),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path, content, prefix, named):
    path = tmp_path / "c.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(UserError, match="-o codebook") as error:
        load_part(WithCodebook().codebook, path, "-o codebook", prefix=prefix)
    assert named in str(error.value)


def test_a_forgotten_file_is_told():
    with pytest.raises(UserError, match="-o codebook is not given"):
        read_weights("", "-o codebook")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"-o codebook .*none\.pt"):
        read_weights(tmp_path / "none.pt", "-o codebook")
