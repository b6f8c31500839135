import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.training.epoch_log import EpochLog
from hepjepa_weaver.training.finite import FiniteWatch
from hepjepa_weaver.training.stepper import optimizer_step
from tests.helpers.networks import DEFAULTS, small_jepa, small_loss
from tests.helpers.toy_jets import random_jets, weaver_inputs


def losses(value: float) -> LossTerms:
    return LossTerms(torch.tensor(value), {"particle": torch.tensor(value)})


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_bad_loss_is_an_error_at_once(bad):
    watch = FiniteWatch()
    watch.add(losses(1.0), torch.tensor(2.0), step=1)
    with pytest.raises(UserError, match=r"step 7 is not finite \(particle (nan|inf|-inf), gradient 2\).*--start-lr"):
        watch.add(losses(bad), torch.tensor(2.0), step=7)


def test_a_bad_gradient_is_an_error():
    with pytest.raises(UserError, match=r"step 1 is not finite \(particle 1, gradient nan\)"):
        FiniteWatch().add(losses(1.0), torch.tensor(torch.nan), step=1)


def test_asked_late_it_names_the_first_bad_step(monkeypatch):
    watch = FiniteWatch()
    with monkeypatch.context() as patch:
        patch.setattr(watch, "check", lambda: None)  # as on a GPU, where nobody asks in a step
        for step, value in enumerate([1.0, 2.0, torch.nan, 3.0, torch.inf], start=40):
            watch.add(losses(value), torch.tensor(0.5), step)
    with pytest.raises(UserError, match=r"step 42 is not finite \(particle nan, gradient 0.5\)"):
        watch.check()


@pytest.mark.parametrize(
    "options",
    [
        {},
        DEFAULTS,
        {"event_weight": 0.0},
        {"mask_strategy": "contiguous", "num_targets": 3, "target_ratio": (0.1, 0.2), "context_ratio": (0.5, 0.9)},
        {"mask_strategy": "ball", "mask_token_knows": "position", "predictor_pair_bias": True, "loss_on": "all"},
        {"tokens": "patches", "num_registers": 2},
        {"smear": 0.1, "split": 0.2, "drop": 0.2, "rotate": True, "reflect": True},
        {"regression_weight": 1.0, "student_drops_identity": 0.5, "student_drops_displacement": 0.5},
        {"koleo_weight": 1.0, "sigreg_weight": 1.0},
    ],
    ids=str,
)
def test_a_step_asks_the_device_for_nothing(options):
    """On the meta device tensors have shapes but no values: whatever waits for a value raises."""
    device = torch.device("meta")
    model = small_jepa(dropout=0.1, **options).train().to(device)
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    opt._clip_grad_norm = 1.0  # as weaver's init_opt sets it
    *groups, mask = weaver_inputs(random_jets([1, 2, 3, 17, 40, 25]))
    output = model(*(group.to(device) for group in groups), mask)
    loss = small_loss(**options)(output)
    grad_norm = optimizer_step(loss, model, opt, None, FiniteWatch(), step=1)
    model.after_optimizer_step(1, 10)
    EpochLog(None, 50).add(loss, 6)
    assert grad_norm.device == loss.total.device == device
    with pytest.raises(RuntimeError, match="meta"):
        loss.total.item()
