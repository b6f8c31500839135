"""Codes of masked particles are those of the particles that the states stand for."""

import pytest
import torch

from hepjepa_weaver.objectives.masked import particle_targets
from hepjepa_weaver.objectives.masked.code_losses import code_losses, composition_loss, of_masked
from hepjepa_weaver.objectives.next_token import of_features
from tests.helpers.networks import small_mpm
from tests.helpers.tokens import small_model, small_tokenizer
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([3, 30, 17, 49, 5], seed=4)  # not sorted by length, as in a file


def test_values_of_masked_particles_are_found():
    view = small_mpm().train().hide(JETS)
    real = view.hidden.is_real
    assert torch.equal(of_masked(view.jets.pt(), view)[real], view.hidden.pt()[real])


def test_the_composition_of_a_jet_is_told_by_one_distribution_for_all_its_particles():
    chances = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    wanted, is_target = torch.tensor([[0, 0, 1], [2, -1, -1]]), torch.tensor([[True] * 3, [True, False, False]])
    expected = -(2 * torch.tensor(0.5).log() + torch.tensor(0.25).log() + torch.tensor(0.7).log()) / 4
    torch.testing.assert_close(composition_loss(chances.log() + 3, wanted, is_target), expected)


@pytest.mark.parametrize("objective", ["masked particle modelling", "next token"])
def test_the_wanted_codes_are_those_of_the_masked_particles(objective, monkeypatch):
    """With a tokenizer that looks at single particles, a masked particle has the same code by itself."""
    tokenizer = small_tokenizer(encoding="unconditional").requires_grad_(False).eval()
    seen = {}

    def record(to_codes, states, wanted, is_target, smoothing=0.0):
        seen["wanted"] = wanted[is_target]
        return code_losses(to_codes, states, wanted, is_target, smoothing)

    for module in (particle_targets, of_features):
        monkeypatch.setattr(module, "code_losses", record)
    if objective == "next token":
        model = small_model(tokenizer, masked_weight=1.0, next_weight=0.0).train()
        hide = of_features.hide
        monkeypatch.setattr(of_features, "hide", lambda *given: seen.setdefault("view", hide(*given)))
    else:
        model = small_mpm(files=(tokenizer, None), token_weight=1.0).train()
        hide = model.hide
        monkeypatch.setattr(model, "hide", lambda jets: seen.setdefault("view", hide(jets)))
    model.pretext_task(JETS)
    hidden = seen["view"].hidden
    assert torch.equal(seen["wanted"], tokenizer.codes(hidden)[hidden.is_real])
    assert len(seen["wanted"].unique()) > 10
