import pytest
import torch

from hepjepa_weaver.objectives.jepa.target_probe import TargetProbe
from tests.helpers.networks import small_jepa
from tests.helpers.toy_jets import random_jets

INPUTS, WIDTH, NUMBER = 5, 4, 40_000


def particles(own: float, jet: float, noise: float) -> dict[str, torch.Tensor]:
    """Targets that depend on a particle's inputs, not linearly, on its jet and on chance, with these variances."""
    generator = torch.Generator().manual_seed(1)
    inputs, mean, chance = (torch.randn(NUMBER, size, generator=generator) for size in (INPUTS, WIDTH, WIDTH))
    curved = inputs[:, :WIDTH].sin()
    curved = curved / curved.std()
    targets = own**0.5 * curved + jet**0.5 * mean + noise**0.5 * chance
    predicted = own**0.5 * curved
    return {"inputs": inputs, "jet": mean, "targets": targets, "predicted": predicted,
            "half": torch.arange(NUMBER) % 2}  # fmt: skip


@pytest.mark.parametrize(("own", "jet", "noise"), [(0.8, 0.0, 0.2), (0.0, 0.7, 0.3), (0.5, 0.4, 0.1), (0.0, 0.0, 1.0)])
def test_what_explains_the_targets_is_told(own, jet, noise):
    probe = TargetProbe(INPUTS, WIDTH)
    probe.see(**particles(own, jet, noise))
    found = probe.summary()
    assert found["target_r2_jet"] == pytest.approx(jet, abs=0.02)
    assert found["target_r2_predicted"] == pytest.approx(own, abs=0.02)
    assert own - 0.05 < found["target_r2_own"] < own + 0.02
    assert own + jet - 0.05 < found["target_r2_both"] < own + jet + 0.02


def test_several_batches_are_one():
    whole, parts = TargetProbe(INPUTS, WIDTH), TargetProbe(INPUTS, WIDTH)
    jets = particles(0.5, 0.4, 0.1)
    whole.see(**jets)
    for place in range(0, NUMBER, 5000):
        parts.see(**{name: value[place : place + 5000] for name, value in jets.items()})
    assert parts.summary() == pytest.approx(whole.summary(), rel=1e-6)
    whole.start()
    assert whole.summary() == {}


def test_a_validation_with_few_particles_tells_nothing():
    probe = TargetProbe(INPUTS, WIDTH)
    probe.see(**{name: value[:300] for name, value in particles(0.5, 0.4, 0.1).items()})
    assert probe.summary() == {}


@pytest.mark.parametrize("options", [{}, {"loss_on": "all"}, {"event_weight": 0.0}, {"tokens": "patches"}])
def test_a_validation_of_hep_jepa_asks_and_a_training_does_not(options):
    model = small_jepa(**options)
    names = set(model.state_dict())
    jets = random_jets([40, 30, 50, 20] * 40)
    for _ in range(2):
        model.train().pretext_task(jets)
    assert model.validation_summary() == {}
    model.eval()
    model.start_validation()
    for _ in range(2):
        model.pretext_task(jets)
    found = model.validation_summary()
    assert list(found) == [f"target_r2_{name}" for name in ("own", "jet", "both", "predicted")]
    assert all(value < 1 for value in found.values())
    assert found["target_r2_both"] > found["target_r2_jet"]
    assert set(model.state_dict()) == names
