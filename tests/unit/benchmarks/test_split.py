import time
from dataclasses import dataclass, replace

import pytest
import torch
from speed.captured import capture, detached, tensors_with_gradient
from speed.pretraining_parts import split_pretraining
from speed.split import Part, split_of_step
from speed.tables import split_table
from torch import nn


class Clock:
    """Stands where the machine's clock does, and goes on by what a part is meant to take."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def takes(self, seconds):
        def part():
            self.now += seconds

        return part


def test_parts_and_rest_make_up_the_step(setup, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    parts = [
        Part("a", clock.takes(0.010)),
        Part("of a", clock.takes(0.004), within="a"),
        Part("now and then", clock.takes(0.020), every=10, prepare=clock.takes(1)),
    ]

    def whole_steps(steps):  # with the part that comes now and then run once
        clock.now += 0.015 * steps + 0.020

    split = split_of_step(parts, whole_steps, replace(setup, steps=3), release=clock.takes(1), log_every=10)
    taken = {part.name: part.total for part in split.parts}
    assert taken == pytest.approx({"a": 0.010, "of a": 0.004, "now and then": 0.002})
    assert split.whole == pytest.approx(0.017)
    assert split.rest == pytest.approx(0.005)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in split_table(split).splitlines()[2:]]
    assert [row[0] for row in rows] == ["a", "… of it of a", "now and then", "rest", "whole step"]
    assert [row[3] for row in rows] == ["10.000", "4.000", "2.000", "5.000", "17.000"]


def test_prepared_and_released_before_each_part_and_backward_only_where_asked_for(setup):
    x = torch.ones(3, requires_grad=True)
    called = []
    parts = [
        Part("forward", lambda: called.append("forward") or 2 * x, prepare=lambda: called.append("prepare")),
        Part("both", lambda: called.append("both") or 2 * x, backward=True),
    ]
    gradients = []

    def release():
        called.append("release")
        gradients.append(x.grad)
        x.grad = None

    split = split_of_step(parts, lambda _: called.append("whole"), setup, release, log_every=1)
    turn = ["release", "prepare", "forward", "release", "both", "release", "whole"]
    assert called == turn * (setup.repeats + 1)
    assert [None if g is None else g.tolist() for g in gradients[:3]] == [None, None, [2, 2, 2]]
    assert [part.backward > 0 for part in split.parts] == [False, True]


@dataclass(frozen=True)
class Pair:
    tensor: torch.Tensor
    other: tuple[torch.Tensor, None]


class Sum(nn.Module):
    def forward(self, pair, *, factor):
        return factor * (pair.tensor + pair.other[0])


def test_a_captured_call_is_repeated_without_the_graph_before_it():
    leaf = torch.ones(2, requires_grad=True)
    module = Sum()
    calls = capture({"sum": module}, lambda: module(Pair(2 * leaf, (torch.ones(2), None)), factor=3))
    result = calls["sum"]()
    assert result.tolist() == [9, 9]
    result.sum().backward()
    assert leaf.grad is None
    assert not module._forward_pre_hooks


def test_a_module_that_is_not_called():
    with pytest.raises(RuntimeError, match="not called in a step: sum"):
        capture({"sum": Sum()}, lambda: None)


def test_detached_keeps_structure_and_need_of_a_gradient():
    leaf = torch.ones(2, requires_grad=True)
    new = detached([Pair(2 * leaf, (torch.ones(2), None)), {"a": 3 * leaf}, "word"])
    assert [tensor.is_leaf for tensor in tensors_with_gradient(new)] == [True, True]
    assert not new[0].other[0].requires_grad
    assert new[2] == "word"


def test_a_step_of_pre_training_is_split(case, setup):
    split = split_pretraining(case, setup)
    times = {part.name: part for part in split.parts}
    assert {"masking", "pair features", "target encoder", "predictor", "loss", "EMA"} <= times.keys()
    trained = {"context encoder", "pair embedding (context)", "blocks (context)", "predictor", "loss"}
    assert {name for name, part in times.items() if part.backward} == trained
    assert all(part.forward > 0 for part in split.parts)
    assert split.whole > 0
