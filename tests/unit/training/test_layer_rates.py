import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import TuningConfig
from hepjepa_weaver.training.layer_rates import factor_of
from hepjepa_weaver.training.optimiser import init_finetuning_opt
from tests.helpers.networks import small_classifier, weaver_args

TUNING = TuningConfig(encoder_lr=0.1, layer_decay=0.5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fc.0.weight", 1.0),
        ("mod.cls_token", 0.1),
        ("mod.cls_blocks.0.fc1.weight", 0.1),
        ("mod.norm.weight", 0.1),
        ("mod.blocks.2.fc1.weight", 0.1),
        ("mod.blocks.1.fc1.weight", 0.05),
        ("mod.blocks.0.fc1.weight", 0.025),
        ("mod.embed.embed.1.weight", 0.0125),
        ("mod.pair_embed.embed.1.weight", 0.0125),
        ("register_token", 0.0125),
    ],
)
def test_rates_fall_with_depth(name, expected):
    assert factor_of(name, {"fc.0.weight"}, 3, TUNING) == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["none", "steps", "flat+decay", "flat+linear", "flat+cos", "warmup+cos"])
def test_every_step_is_taken_with_the_schedules_rate_times_the_factor(schedule):
    options = ("--num-epochs", "4", "--steps-per-epoch", "2", "--start-lr", "0.1", "--lr-scheduler", schedule)
    args = weaver_args(*options, "--optimizer", "SGD")
    plain, scaled = small_classifier(), small_classifier(encoder_lr=0.1, layer_decay=0.5)
    moved = []
    for model in (plain, scaled):
        torch.manual_seed(0)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        opt, scheduler = init_finetuning_opt(args, model)
        for step in range(8):
            for parameter in model.parameters():
                parameter.grad = torch.ones_like(parameter)
            opt.step()
            if scheduler is not None and (getattr(scheduler, "_update_per_step", False) or step % 2):
                scheduler.step()
        moved.append({name: (before[name] - p.detach()).mean().item() for name, p in model.named_parameters()})
    for name, distance in moved[0].items():
        factor = factor_of(name, scaled.head_names(), 2, scaled.tuning)
        assert moved[1][name] == pytest.approx(factor * distance, rel=1e-4), name


def test_rates_are_resumed(tmp_path):
    options = ("--num-epochs", "4", "--steps-per-epoch", "2", "--optimizer", "AdamW", "--lr-scheduler", "flat+cos")
    options += ("--warmup-steps", "2")
    options += ("--model-prefix", str(tmp_path / "net"))
    model = small_classifier(layer_decay=0.5)
    opt, scheduler = init_finetuning_opt(weaver_args(*options), model)
    start = [g["lr"] for g in opt.param_groups]
    for _ in range(3):
        opt.step()
        scheduler.step()
    assert [g["lr"] for g in opt.param_groups] != start
    torch.save(model.state_dict(), tmp_path / "net_epoch-0_state.pt")
    torch.save(opt.state_dict(), tmp_path / "net_epoch-0_optimizer.pt")
    resumed, _ = init_finetuning_opt(weaver_args(*options, "--load-epoch", "0"), small_classifier(layer_decay=0.5))
    assert [g["lr_factor"] for g in resumed.param_groups] == [g["lr_factor"] for g in opt.param_groups]
    assert [g["lr"] for g in resumed.param_groups] == [g["lr"] for g in opt.param_groups]
    steeper, _ = init_finetuning_opt(weaver_args(*options, "--load-epoch", "0"), small_classifier(layer_decay=0.1))
    assert min(g["lr_factor"] for g in steeper.param_groups) == pytest.approx(0.1**2)
    with pytest.raises(UserError, match=r"--load-epoch 0: .*parameter groups"):
        init_finetuning_opt(weaver_args(*options, "--load-epoch", "0"), small_classifier())


def test_weight_decay_spares_the_same_parameters_as_before():
    model = small_classifier(layer_decay=0.5)
    opt, _ = init_finetuning_opt(weaver_args("--optimizer", "AdamW"), model, weight_decay=0.3)
    decay = {id(p): group["weight_decay"] for group in opt.param_groups for p in group["params"]}
    assert decay[id(model.mod.cls_token)] == decay[id(model.fc[0].bias)] == 0
    assert decay[id(model.mod.blocks[0].fc1.weight)] == 0.3
    assert len(decay) == sum(p.requires_grad for p in model.parameters())


def test_weavers_default_optimiser_has_one_rate_only():
    init_finetuning_opt(weaver_args(), small_classifier())
    with pytest.raises(UserError, match="--optimizer AdamW"):
        init_finetuning_opt(weaver_args(), small_classifier(encoder_lr=0.1))
