"""The loop of regressions: two processes as one, unknown numbers, what is logged, and what is predicted."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.model.regressor import JetRegressor
from hepjepa_weaver.objectives.target_loss import TargetLoss
from hepjepa_weaver.training.optimiser import init_opt
from hepjepa_weaver.training.regression import evaluate, train_epoch
from tests.helpers.networks import finetune_config, weaver_args
from tests.helpers.parallel import in_two_processes, wrapped_like_weaver
from tests.helpers.toy_jets import random_jets, weaver_inputs
from tests.helpers.two_ranks import CPU, MULTIPLICITIES

STEPS = 4
CONFIG = finetune_config(target="hybrid", dropout=0.0, from_scratch=True)


class Batches:
    """Fixed batches in the place of weaver's loader."""

    def __init__(self, batches):
        self.batches = batches
        self.dataset = SimpleNamespace(config=SimpleNamespace(label_names=("kind", "mass", "pt")))

    def __iter__(self):
        for inputs, labels in self.batches:
            yield dict(zip(REQUIRED_GROUPS, inputs, strict=True)), labels, {"jet_pt": np.arange(len(labels["kind"]))}


def network(seed: int = 0) -> JetRegressor:
    torch.manual_seed(seed)
    targets = RegressionTargets(("mass", "pt"), (), (100.0, 500.0), (20.0, 50.0))
    return JetRegressor(JetReader(REQUIRED_GROUPS), 17, 3, targets, CONFIG)


def batch(rank: int, step: int):
    """In the first process nearly no jet has a mass."""
    generator = torch.Generator().manual_seed(100 * rank + step)
    mass = 100 + 20 * torch.randn(6, generator=generator)
    mass[: 5 if rank == 0 else 1] = torch.nan
    labels = {"kind": torch.arange(6) % 3, "mass": mass, "pt": 500 + 50 * torch.randn(6, generator=generator)}
    return weaver_inputs(random_jets(MULTIPLICITIES[rank], seed=10 * step + rank)), labels


def joined(step: int):
    (first, own), (second, other) = batch(0, step), batch(1, step)
    inputs = tuple(torch.cat(pair) for pair in zip(first, second, strict=True))
    return inputs, {name: torch.cat([own[name], other[name]]) for name in own}


def train(model, batches) -> None:
    args = weaver_args("--optimizer", "SGD", "--start-lr", "0.05", "--lr-scheduler", "none", "--num-epochs", "1")
    opt, scheduler = init_opt(args, getattr(model, "module", model))
    loss = TargetLoss(CONFIG.labels)
    train_epoch(model, loss, opt, scheduler, Batches(batches), CPU, 0, STEPS, extra_args={"args": args})


def train_one_of_two(rank: int, folder: Path) -> None:
    model = wrapped_like_weaver(network(rank), CPU)
    train(model, [batch(rank, step) for step in range(STEPS)])
    torch.save(model.module.state_dict(), folder / f"rank{rank}.pt")


@pytest.mark.slow
def test_two_processes_train_as_one_on_the_joined_batches(tmp_path):
    """Known numbers of both count alike, however few one of them has."""
    in_two_processes(train_one_of_two, tmp_path)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    alone = network()
    start = {name: value.clone() for name, value in alone.state_dict().items()}
    train(alone, [joined(step) for step in range(STEPS)])
    for name, value in alone.state_dict().items():
        assert torch.equal(first[name], second[name]), name
        assert torch.allclose(first[name], value, rtol=1e-4, atol=2e-6), name
    assert not torch.equal(start["fc.0.weight"], alone.state_dict()["fc.0.weight"])
    assert torch.equal(start["targets.centre"], alone.state_dict()["targets.centre"])


def validate_one_of_two(rank: int, folder: Path) -> None:
    args, (scalars, helper) = weaver_args("--data-train", "a"), recorded()
    given = {"loss_func": TargetLoss(CONFIG.labels), "tb_helper": helper, "extra_args": {"args": args}}
    evaluate(wrapped_like_weaver(network(), CPU), Batches([batch(rank, step) for step in range(2)]), CPU, 0, **given)
    torch.save(scalars, folder / f"rank{rank}.pt")


@pytest.mark.slow
def test_two_processes_validate_as_one_on_the_joined_batches(tmp_path):
    in_two_processes(validate_one_of_two, tmp_path)
    args, (scalars, helper) = weaver_args("--data-train", "a"), recorded()
    given = {"loss_func": TargetLoss(CONFIG.labels), "tb_helper": helper, "extra_args": {"args": args}}
    evaluate(network(), Batches([joined(step) for step in range(2)]), CPU, 0, **given)
    for rank in (0, 1):
        assert torch.load(tmp_path / f"rank{rank}.pt", weights_only=False) == pytest.approx(scalars, rel=1e-4)


def recorded():
    scalars = {}
    helper = SimpleNamespace(global_step=0, write_scalars=lambda given: scalars.update({tag: v for tag, v, _ in given}))
    return scalars, helper


def test_a_validation_gives_losses_accuracy_and_spreads():
    model, (scalars, helper) = network(), recorded()
    batches = Batches([joined(step) for step in range(2)])
    args = weaver_args("--data-train", "a")
    given = {"loss_func": TargetLoss(CONFIG.labels), "tb_helper": helper, "extra_args": {"args": args}}
    metric = evaluate(model, batches, CPU, 0, **given)
    with torch.no_grad():
        found = [model.eval()(*inputs) for inputs, _ in batches.batches]
    kinds = torch.cat([labels["kind"] for _, labels in batches.batches])
    pt = torch.cat([labels["pt"] for _, labels in batches.batches])
    outputs = torch.cat(found)
    assert scalars["Acc/eval (epoch)"] == pytest.approx((outputs[:, :3].argmax(dim=1) == kinds).float().mean().item())
    low, high = np.quantile((outputs[:, 4] - pt).numpy(), (0.16, 0.84))
    assert scalars["Spread/pt/eval (epoch)"] == pytest.approx((high - low) / 2, rel=1e-4)
    assert metric == pytest.approx(1 / (1 + scalars["Loss/eval (epoch)"]))
    assert {"Loss/class/eval (epoch)", "Loss/mass/eval (epoch)", "Spread/mass/eval (epoch)"} <= set(scalars)


def test_a_prediction_has_scores_labels_and_numbers():
    model, args = network(), weaver_args("--data-test", "a")
    batches = Batches([joined(step) for step in range(2)])
    metric, scores, labels, observers = evaluate(
        model, batches, CPU, None, for_training=False, extra_args={"args": args}
    )
    with torch.no_grad():
        outputs = torch.cat([model.eval()(*inputs) for inputs, _ in batches.batches]).numpy()
    np.testing.assert_allclose(scores, outputs[:, :3], rtol=1e-5)
    np.testing.assert_allclose(observers["output_mass"], outputs[:, 3], rtol=1e-5)
    np.testing.assert_allclose(observers["output_pt"], outputs[:, 4], rtol=1e-5)
    assert observers["jet_pt"].tolist() == [*range(12)] * 2
    assert set(labels) == {"kind", "mass", "pt"}
    assert metric == pytest.approx((scores.argmax(axis=1) == labels["kind"]).mean())


def test_too_few_jets_and_bad_weights_are_refused():
    with pytest.raises(UserError, match="--batch-size"):
        train(network(), [])
    broken = network()
    broken.load_state_dict({name: value * 1 for name, value in broken.state_dict().items()})
    with torch.no_grad():
        broken.fc[0].bias.fill_(torch.nan)
    with pytest.raises(UserError, match="not finite"):
        evaluate(broken, Batches([joined(0)]), CPU, None, for_training=False,
                 extra_args={"args": weaver_args("--data-test", "a")})  # fmt: skip
