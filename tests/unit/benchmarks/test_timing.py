from dataclasses import replace

import pytest
import torch
from speed.timing import time_in_turn


def test_all_are_timed_in_turn_with_the_same_random_state(setup):
    called = []
    runs = {name: lambda name=name: called.append((name, torch.rand(()).item())) for name in "abc"}
    seconds = time_in_turn(runs, replace(setup, repeats=2))
    assert "".join(name for name, _ in called) == "abcbca"
    drawn = [number for _, number in called]
    assert drawn[0] == drawn[1] == drawn[2] != drawn[3] == drawn[4] == drawn[5]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2, "c": 2}
    assert all(time > 0 for times in seconds.values() for time in times)


def test_an_error_is_not_swallowed(setup):
    def fails():
        raise ValueError("no step")

    with pytest.raises(ValueError, match="no step"):
        time_in_turn({"a": fails}, setup)
