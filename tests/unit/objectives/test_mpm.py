import pytest
import torch

from hepjepa_weaver.config import MpmTargetConfig
from hepjepa_weaver.objectives.mpm import MpmLoss
from tests.helpers.data_configs import COLUMNS
from tests.helpers.networks import small_jepa, small_mpm
from tests.helpers.symmetry import padded, permuted
from tests.helpers.toy_jets import random_jets, weaver_inputs

MULTIPLICITIES = [1, 2, 3, 17, 40, 25]


@pytest.mark.parametrize("multiplicities", [MULTIPLICITIES, [1, 1, 1], [2, 3], [0, 5]])
@pytest.mark.parametrize("features", ["kin", "kinpid", "full"])
def test_every_trained_parameter_gets_a_finite_gradient(multiplicities, features):
    model = small_mpm(features=features).train()
    jets = random_jets(multiplicities, num_features=len(model.targets.features.continuous) + 6 * (features != "kin"))
    losses = MpmLoss(MpmTargetConfig())(model(*weaver_inputs(jets)))
    losses.total.backward()
    assert losses.total.isfinite()
    bad = [
        n for n, p in model.named_parameters() if p.requires_grad and (p.grad is None or not p.grad.isfinite().all())
    ]
    assert bad == []


def test_the_identity_weight_counts():
    output = small_mpm().train()(*weaver_inputs(random_jets(MULTIPLICITIES)))
    losses = [MpmLoss(MpmTargetConfig(identity_weight=weight))(output) for weight in (0.0, 2.0)]
    assert torch.isclose(losses[1].total - losses[0].total, 2 * losses[0].terms["identity"])


def test_hidden_particles_do_not_reach_the_encoder():
    """The prediction is the same whatever the hidden particles' features are; the loss is not."""
    jets, model = random_jets(MULTIPLICITIES), small_mpm().train()
    seen, outputs = [], []
    handle = model.context_encoder.register_forward_hook(lambda *call: seen.append(call[2].tokens))
    for shift in (0.0, 1.0):
        torch.manual_seed(3)
        view = model.hide(jets)
        changed = random_jets(MULTIPLICITIES)
        hidden = view.masks.is_target[view.order.argsort()]
        changed.features[:] = torch.where(hidden.unsqueeze(1), changed.features + shift, changed.features)
        torch.manual_seed(3)
        outputs.append(model.pretext_task(changed))
    handle.remove()
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(outputs[0].losses["regression"], outputs[1].losses["regression"])


@pytest.mark.parametrize("kind", ["identity", "displacement"])
def test_the_encoder_does_without_features_that_are_still_predicted(kind):
    """In training the context lacks them, and targets have them; in validation both have them."""
    jets, other = random_jets(MULTIPLICITIES), random_jets(MULTIPLICITIES)
    other.features[:, getattr(COLUMNS["full"], kind)] += 1.0
    for training in (True, False):
        model, seen, losses = small_mpm(**{f"student_drops_{kind}": 1.0}).train(training), [], []
        model.predictor.register_forward_hook(lambda *call, seen=seen: seen.append(call[2].hidden))
        for batch in (jets, other):
            torch.manual_seed(0)
            losses.append(sum(model.pretext_task(batch).losses.values()))
        assert torch.equal(seen[0], seen[1]) == training
        assert not torch.equal(*losses)


def test_embedding_ignores_order_and_padding():
    model, jets = small_mpm().eval(), random_jets(MULTIPLICITIES)
    expected = model(*weaver_inputs(jets))
    assert expected.shape == (6, 16)
    assert torch.allclose(model.pretext_task(jets).embedding, expected, atol=1e-6)
    for changed in (permuted(jets, padding_too=True)[0], padded(jets, 5, wrap=True), padded(jets, 5, wrap=False)):
        assert torch.allclose(model(*weaver_inputs(changed)), expected, atol=1e-5)


def test_learning_lowers_the_loss():
    model = small_mpm().train()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    loss, totals = MpmLoss(MpmTargetConfig()), []
    torch.manual_seed(0)
    for step in range(40):
        opt.zero_grad()
        total = loss(model(*weaver_inputs(random_jets([20] * 16, seed=step % 4)))).total
        total.backward()
        opt.step()
        totals.append(total.item())
    assert sum(totals[-5:]) < 0.95 * sum(totals[:5])


def test_encoder_masks_and_predictor_are_those_of_hep_jepa():
    """What is not an objective's own belongs to none: same names, shapes and, from one seed, weights."""
    mpm, jepa = small_mpm(), small_jepa(event_weight=0.0)
    for part in ("context_encoder", "predictor", "patches"):
        ours, others = getattr(mpm, part).state_dict(), getattr(jepa, part).state_dict()
        assert ours.keys() == others.keys()
        assert all(torch.equal(ours[name], others[name]) for name in ours)
    assert type(mpm.masking) is type(jepa.masking)


def test_a_run_that_starts_from_another_ones_weights_has_its_own_step():
    old, new = small_mpm(), small_mpm()
    old.after_optimizer_step(step=77, total_steps=None)
    new.load_state_dict(old.state_dict(), strict=False)
    assert new.step == 0
