import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import small_jepa, weaver_args


@pytest.mark.parametrize("optimizer", ["ranger", "AdamW"])
def test_only_trained_parameters_are_handed_to_the_optimiser(optimizer):
    model = small_jepa(event_weight=0.0)
    opt, _ = init_opt(weaver_args("--optimizer", optimizer), model)
    given = {id(p) for group in opt.param_groups for p in group["params"]}
    assert given == {id(p) for p in model.parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("command_line", "options", "wanted"),
    [
        (("--optimizer", "AdamW"), {"weight_dcay": 0.1}, "weight_dcay"),
        (("--optimizer", "AdamX"), {}, "AdamX"),
        (("--lr-scheduler", "warmup+cos"), {}, r"warmup\+cos needs --steps-per-epoch"),
    ],
)
def test_a_wrong_optimiser_option_is_named(command_line, options, wanted):
    with pytest.raises(UserError, match=wanted):
        init_opt(weaver_args(*command_line), small_jepa(), **options)


def test_options_reach_the_optimiser_and_tokens_are_not_decayed():
    model = small_jepa()
    opt, _ = init_opt(weaver_args("--optimizer", "AdamW"), model, weight_decay=0.3, clip_grad_norm=2.0)
    decay = {id(p): group["weight_decay"] for group in opt.param_groups for p in group["params"]}
    assert opt._clip_grad_norm == 2.0
    assert decay[id(model.predictor.mask_token)] == 0
    assert decay[id(model.predictor.project_in.weight)] == 0.3


@pytest.mark.parametrize(
    "schedule", ["none", "steps", "flat+decay", "flat+linear", "flat+cos", "warmup+cos", "one-cycle"]
)
def test_a_resumed_schedule_goes_on_where_it_stopped(tmp_path, schedule):
    """The learning rate of each of 4 epochs of 5 steps, resumed after each of them."""
    options = ("--num-epochs", "4", "--steps-per-epoch", "5", "--lr-scheduler", schedule, "--optimizer", "AdamW")
    options += ("--model-prefix", str(tmp_path / "net"))
    model = small_jepa()
    opt, scheduler = init_opt(weaver_args(*options), model)
    wanted = _rates(opt, scheduler, range(4), lambda epoch: _save(tmp_path, epoch, model, opt))
    for epoch in range(3):
        opt, scheduler = init_opt(weaver_args(*options, "--load-epoch", str(epoch)), model)
        assert _rates(opt, scheduler, range(epoch + 1, 4), lambda _: None) == pytest.approx(wanted[5 * (epoch + 1) :])


def _rates(opt, scheduler, epochs, at_end):
    rates = []
    per_step = getattr(scheduler, "_update_per_step", False)
    for epoch in epochs:
        for _ in range(5):
            rates.append(opt.param_groups[0]["lr"])
            opt.step()
            if per_step:
                scheduler.step()
        if scheduler is not None and not per_step:
            scheduler.step()
        at_end(epoch)
    return rates


def _save(folder, epoch, model, opt):
    torch.save(model.state_dict(), folder / f"net_epoch-{epoch}_state.pt")
    torch.save(opt.state_dict(), folder / f"net_epoch-{epoch}_optimizer.pt")
