import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.jepa.residual_targets import ResidualTargets
from tests.helpers.networks import small_config, small_jepa
from tests.helpers.toy_jets import random_jets

INPUTS, WIDTH, NUMBER = 5, 4, 40


def batch(jets: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Targets of particles' inputs, of jets, and of what a particle has beside both; with these parts, and the mask."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(jets, INPUTS, NUMBER, generator=generator)
    jet = torch.randn(jets, WIDTH, generator=generator)
    rest = torch.randn(jets, NUMBER, WIDTH, generator=generator)
    own = features[:, :WIDTH].sin().transpose(1, 2)
    is_target = torch.rand(jets, NUMBER, generator=generator) < 0.7
    return own + jet.unsqueeze(1) + rest, features, jet, is_target, rest


@pytest.mark.parametrize("removed", ["inputs", "inputs_and_jet"])
def test_what_is_left_is_what_neither_inputs_nor_jet_tell(removed):
    residual = ResidualTargets(INPUTS, WIDTH, removed).train()
    for seed in range(300):
        residual(*batch(50, seed)[:-1])
    tokens, features, jet, is_target, rest = batch(50, 1000)
    found = residual.eval()(tokens, features, jet, is_target)
    expected = rest if removed == "inputs_and_jet" else rest + jet.unsqueeze(1)
    assert (found - expected)[is_target].square().mean() < 0.02
    assert torch.equal(found[~is_target], tokens[~is_target])


def test_padding_does_not_reach_the_fit():
    fits = []
    for filling in (0.0, torch.nan):
        residual = ResidualTargets(INPUTS, WIDTH, "inputs").train()
        tokens, features, jet, is_target, _ = batch(20, 0)
        residual(tokens.masked_fill(~is_target.unsqueeze(2), filling),
                 features.masked_fill(~is_target.unsqueeze(1), filling), jet, is_target)  # fmt: skip
        fits.append(residual.products)
    assert torch.equal(*fits)


def test_a_validation_leaves_the_fit_as_it_is_and_a_checkpoint_has_it():
    model, jets = small_jepa(target_removes="inputs_and_jet"), random_jets([40, 30, 50, 20])
    model.train().pretext_task(jets)
    fit = model.residual.products.clone()
    assert fit.any()
    model.eval().pretext_task(jets)
    assert torch.equal(model.residual.products, fit)
    other = small_jepa(seed=1, target_removes="inputs_and_jet")
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.residual.products, fit)


def test_without_a_particle_loss_nothing_is_removed():
    with pytest.raises(UserError, match="-o target_removes is 'inputs', but must be 'nothing' with particle_weight 0"):
        small_config(target_removes="inputs", particle_weight=0.0)
