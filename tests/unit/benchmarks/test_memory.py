from pathlib import Path

import pytest
import torch
from speed import memory
from speed.memory import peak_growth, read_status

CPU = torch.device("cpu")
MB = 10**6

measured = pytest.mark.skipif(peak_growth(lambda: None, CPU) is None, reason="peak memory cannot be reset here")


def allocate(megabytes: int) -> None:
    torch.ones(megabytes * MB, dtype=torch.uint8)


@measured
def test_sees_an_allocation_whatever_came_before():
    first = peak_growth(lambda: allocate(50), CPU)
    larger = peak_growth(lambda: allocate(200), CPU)
    again = peak_growth(lambda: allocate(50), CPU)
    assert [first / MB, larger / MB, again / MB] == pytest.approx([50, 200, 50], abs=3)


@measured
def test_sees_many_small_allocations_that_the_allocator_has_kept():
    def many():
        return [torch.ones(2500) for _ in range(4000)]  # 10 kB each: from the heap, not mapped one by one

    assert [peak_growth(many, CPU) / MB for _ in range(3)] == pytest.approx([40] * 3, rel=0.2)


@measured
def test_what_is_held_already_does_not_count():
    held = torch.ones(100 * MB, dtype=torch.uint8)
    assert peak_growth(held.max, CPU) < 5 * MB
    assert read_status("VmRSS") > 100 * MB


def test_not_measured_where_the_system_does_not_let_us(monkeypatch):
    monkeypatch.setattr(memory, "CLEAR_REFS", Path("/nonexistent/clear_refs"))
    assert peak_growth(lambda: None, CPU) is None
