import copy

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.training.loop import steps_of_run, train_epoch
from hepjepa_weaver.training.optimiser import init_opt
from tests.helpers.networks import BatchList, small_jepa, small_loss, weaver_args
from tests.helpers.toy_jets import random_jets, weaver_inputs

STEPS = 4
CPU = torch.device("cpu")


class Scalars:
    """Stands where weaver's TensorBoard helper does, and keeps what is written."""

    def __init__(self):
        self.written = {}

    def write_scalars(self, scalars):
        for name, value, step in scalars:
            self.written.setdefault(name, {})[step] = value


def batches_of(epoch: int) -> BatchList:
    jets = [random_jets([1, 2, 3, 9, 17, 30], seed=STEPS * epoch + i) for i in range(STEPS)]
    return BatchList([weaver_inputs(batch) for batch in jets], [torch.zeros(6)] * STEPS)


def train(model, args, epochs, scalars=None, resume=None, steps_per_epoch=STEPS, log_every=1):
    """Epochs through the real loop with the random state that each epoch would start with."""
    opt, scheduler = init_opt(args, model)
    for epoch in epochs:
        torch.manual_seed(epoch)
        train_epoch(
            model, small_loss(), opt, scheduler, batches_of(epoch), CPU, epoch, steps_per_epoch,
            tb_helper=scalars, extra_args={"args": args}, log_every=log_every,
        )  # fmt: skip
        if resume:
            torch.save(model.state_dict(), f"{args.model_prefix}_epoch-{epoch}_state.pt")
            torch.save(opt.state_dict(), f"{args.model_prefix}_epoch-{epoch}_optimizer.pt")
    return model


def command_line(tmp_path, *more):
    (tmp_path / "jets.root").write_bytes(b"root")  # looked at, not read: the batches come from `batches_of`
    files = ("--data-train", str(tmp_path / "jets.root"))
    schedule = ("--num-epochs", "3", "--steps-per-epoch", str(STEPS), "--start-lr", "0.003")
    return weaver_args("--model-prefix", str(tmp_path / "net"), *schedule, *files, *more)


@pytest.mark.parametrize("schedule", ["flat+decay", "flat+cos"])
def test_resumed_equals_uninterrupted(tmp_path, schedule):
    options = ("--optimizer", "AdamW", "--lr-scheduler", schedule, "--warmup-steps", "2")
    args = command_line(tmp_path, *options)
    whole = train(small_jepa(dropout=0.1), args, range(3), resume=True)
    for epoch in (0, 1):
        resumed = command_line(tmp_path, *options, "--load-epoch", str(epoch))
        model = train(small_jepa(seed=99, dropout=0.1), resumed, range(epoch + 1, 3))
        assert model.step == 3 * STEPS
        for name, value in whole.state_dict().items():
            assert torch.equal(model.state_dict()[name], value), name


def test_the_loss_falls_and_scalars_are_written(tmp_path):
    scalars = Scalars()
    args = command_line(tmp_path, "--optimizer", "AdamW")
    model = train(small_jepa(ema_start=0.9, ema_end=1.0), args, range(3), scalars)
    assert set(scalars.written) == {
        "Loss/total/train", "Loss/particle/train", "Loss/event/train",
        "Loss/total/train (epoch)", "Loss/particle/train (epoch)", "Loss/event/train (epoch)",
        "Pretrain/grad_norm", "Pretrain/lr", "Pretrain/target_std", "Pretrain/effective_rank", "Pretrain/ema_momentum",
        "Pretrain/event_target_std", "Pretrain/context_rank", "Pretrain/context_std",
    }  # fmt: skip
    assert list(scalars.written["Loss/total/train"]) == list(range(1, 3 * STEPS + 1))
    momentum = scalars.written["Pretrain/ema_momentum"]
    assert momentum[STEPS] == pytest.approx(0.9 + 0.1 / 3)
    assert momentum[3 * STEPS] == 1.0
    epoch_loss = scalars.written["Loss/total/train (epoch)"]
    assert epoch_loss[2] < epoch_loss[0]
    assert model.step == 3 * STEPS


def test_logged_losses_are_means_over_the_interval(tmp_path):
    every, seldom = Scalars(), Scalars()
    train(small_jepa(), command_line(tmp_path), range(1), every)
    train(small_jepa(), command_line(tmp_path), range(1), seldom, log_every=3)
    assert list(seldom.written["Loss/total/train"]) == [1, 4]
    expected = sum(every.written["Loss/total/train"][step] for step in (2, 3, 4)) / 3
    assert seldom.written["Loss/total/train"][4] == pytest.approx(expected, rel=1e-5)


def test_a_loss_that_is_no_number_stops_before_it_reaches_the_weights(tmp_path):
    args = command_line(tmp_path)
    model = train(small_jepa(), args, range(1))
    before = copy.deepcopy(model.state_dict())
    bad = batches_of(1)
    bad.batches[0][1][:] = torch.nan
    opt, scheduler = init_opt(args, model)
    with pytest.raises(UserError, match=rf"loss of step {STEPS + 1} is not finite .*--start-lr"):
        train_epoch(model, small_loss(), opt, scheduler, bad, CPU, 1, STEPS, extra_args={"args": args})
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    assert all(torch.equal(model.state_dict()[name], before[name]) for name in trained)


def test_gradients_are_clipped_as_the_optimiser_option_says(tmp_path):
    args = command_line(tmp_path, "--optimizer", "SGD", "--start-lr", "1", "--lr-scheduler", "none")
    model = small_jepa()
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    opt, scheduler = init_opt(args, model, clip_grad_norm=0.01)
    train_epoch(model, small_loss(), opt, scheduler, batches_of(0), CPU, 0, 1, extra_args={"args": args})
    moved = sum((p.detach() - before[name]).square().sum() for name, p in model.named_parameters() if name in before)
    assert moved.sqrt().item() == pytest.approx(0.01, rel=1e-3)


def test_an_epoch_without_a_full_batch_is_an_error(tmp_path):
    args = command_line(tmp_path, "--batch-size", "512")
    model = small_jepa()
    opt, scheduler = init_opt(args, model)
    with pytest.raises(UserError, match="batch of 512 jets"):
        train_epoch(model, small_loss(), opt, scheduler, BatchList([], []), CPU, 0, extra_args={"args": args})


def test_several_gpus_in_one_process_are_refused(tmp_path):
    args = command_line(tmp_path, "--gpus", "0,1")
    model = torch.nn.DataParallel(small_jepa())
    with pytest.raises(UserError, match="--backend nccl"):
        train_epoch(model, small_loss(), None, None, batches_of(0), CPU, 0, extra_args={"args": args})


def test_steps_of_the_run_with_epochs_of_unknown_length():
    assert steps_of_run(num_epochs=5, epoch=0, steps_per_epoch=10, step=0) == 50
    assert steps_of_run(num_epochs=5, epoch=0, steps_per_epoch=None, step=0) is None
    assert steps_of_run(num_epochs=5, epoch=2, steps_per_epoch=None, step=60) == 150


@pytest.mark.parametrize("overflows", [False, True])
def test_fp16_scaler_skips_a_step_that_overflows(overflows, tmp_path):
    args = command_line(tmp_path, "--lr-scheduler", "none")
    model = small_jepa()
    opt, scheduler = init_opt(args, model)
    before = model.predictor.mask_token.clone()
    scale = 2.0**127 if overflows else 2.0**10
    scaler = torch.GradScaler("cpu", init_scale=scale)
    train_epoch(model, small_loss(), opt, scheduler, batches_of(0), CPU, 0, 1, scaler, extra_args={"args": args})
    assert scaler.get_scale() == (scale / 2 if overflows else scale)
    assert torch.equal(model.predictor.mask_token, before) is overflows


def test_a_gradient_that_is_no_number_does_not_reach_the_weights(tmp_path):
    args = command_line(tmp_path)
    model = small_jepa()
    model.predictor.mask_token.register_hook(lambda gradient: gradient * torch.nan)
    before = model.predictor.project_in.weight.clone()
    opt, scheduler = init_opt(args, model, clip_grad_norm=1.0)
    with pytest.raises(UserError, match=r"step 1 is not finite .*gradient nan"):
        train_epoch(model, small_loss(), opt, scheduler, batches_of(0), CPU, 0, 1, extra_args={"args": args})
    assert torch.equal(model.predictor.project_in.weight, before)


def test_weavers_zero_steps_mean_one_batch(tmp_path):
    args = command_line(tmp_path)
    model = small_jepa()
    opt, scheduler = init_opt(args, model)
    train_epoch(model, small_loss(), opt, scheduler, batches_of(0), CPU, 0, 0, extra_args={"args": args})
    assert model.step == 1


def test_a_command_line_that_cannot_work_is_refused_at_once():
    with pytest.raises(UserError, match="--data-train"):
        train_epoch(small_jepa(), None, None, None, BatchList([], []), CPU, 0, extra_args={"args": weaver_args()})
