import logging

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.collapse import EARLY_LOOKS, LOW_LOOKS, CollapseWatch
from tests.helpers.messages import naming
from tests.helpers.networks import small_jepa

HEALTHY = {"rank": 20.0, "std": 0.9}


class KeptWarnings(logging.Handler):
    """Warnings of weaver's logger, which may or may not hand them on to others."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture
def warnings():
    kept, logger = KeptWarnings(), logging.getLogger("weaver")
    logger.addHandler(kept)
    yield kept.messages
    logger.removeHandler(kept)


def watched(*looks, reaction="warn"):
    watch = CollapseWatch(("rank", "std"), "Lower the rate.", 0.4, reaction)
    for step, measures in enumerate(looks):
        watch.look(measures, step)
    return watch


def test_a_fall_is_told_once_with_its_measures_and_remedy(warnings):
    fallen = {"rank": 7.9, "std": 0.9}
    watched(*[HEALTHY] * EARLY_LOOKS, *[fallen] * 10)
    (message,) = warnings
    assert f"collapsed by step {EARLY_LOOKS + LOW_LOOKS - 1}: rank 7.9 (best 20), below 0.4" in message
    assert "std" not in message
    assert "Lower the rate. Go back to a checkpoint from before; -o on_collapse stop" in message


def test_accidents_and_slow_changes_are_no_collapse(warnings):
    accident = [{"rank": 1.0, "std": 0.1}] * (LOW_LOOKS - 1) + [HEALTHY]
    watched(*[HEALTHY] * EARLY_LOOKS, *accident * 3, *[{"rank": 8.0, "std": 0.36}] * 10)
    assert warnings == []


def test_a_collapse_among_the_first_looks_is_one_too(warnings):
    watched(HEALTHY, *[{"rank": 20.0, "std": 0.05}] * (EARLY_LOOKS - 1 + LOW_LOOKS))
    assert len(warnings) == 1


def test_a_collapse_is_one_although_the_first_looks_were_poor(warnings):
    """Only the later looks are good: the fall is from the best of all, not from the first ones."""
    poor, fallen = {"rank": 6.0, "std": 0.3}, {"rank": 7.0, "std": 0.9}
    watched(*[poor] * EARLY_LOOKS, *[HEALTHY] * 10, *[fallen] * LOW_LOOKS)
    (message,) = warnings
    assert "rank 7 (best 20)" in message


def test_the_state_of_an_older_checkpoint_goes_on(warnings):
    state = watched(*[HEALTHY] * EARLY_LOOKS).state_dict()
    state["early"] = state.pop("best")
    after = watched()
    after.load_state_dict(state)
    assert after.best.tolist() == pytest.approx([20.0, 0.9])


def test_a_second_collapse_is_told_again(warnings):
    fallen = [{"rank": 1.0, "std": 0.9}] * LOW_LOOKS
    watched(*[HEALTHY] * EARLY_LOOKS, *fallen, HEALTHY, *fallen)
    assert len(warnings) == 2


def test_a_run_can_be_stopped():
    with pytest.raises(UserError, match=naming("step", 7, "std", 0.01, 0.9)):
        watched(*[HEALTHY] * EARLY_LOOKS, *[{"rank": 20.0, "std": 0.01}] * LOW_LOOKS, reaction="stop")


def test_a_resumed_run_goes_on_with_the_early_values(warnings):
    before = watched(*[HEALTHY] * EARLY_LOOKS, {"rank": 1.0, "std": 0.9})
    after = watched()
    after.load_state_dict(before.state_dict())
    for step in range(LOW_LOOKS - 1):
        after.look({"rank": 1.0, "std": 0.9}, step)
    assert len(warnings) == 1


def test_a_resumed_run_that_has_collapsed_before_is_stopped():
    before = watched(*[HEALTHY] * EARLY_LOOKS, *[{"rank": 1.0, "std": 0.9}] * 5)
    after = watched(reaction="stop")
    after.load_state_dict(before.state_dict())
    with pytest.raises(UserError, match=naming("step", 9)):
        after.look({"rank": 1.0, "std": 0.9}, 9)


def test_a_checkpoint_from_before_there_was_a_watch_is_taken():
    old, new = small_jepa(), small_jepa(seed=1)
    state = {name: value for name, value in old.state_dict().items() if not name.startswith("collapse.")}
    new.load_state_dict(state)
    assert torch.equal(new.predictor.mask_token, old.predictor.mask_token)


def test_what_starts_from_other_weights_has_best_values_of_its_own():
    old, new = small_jepa(), small_jepa(seed=1)
    old.collapse.best.fill_(7)
    new.load_state_dict(old.state_dict(), strict=False)
    assert torch.equal(new.collapse.best, torch.zeros_like(new.collapse.best))
