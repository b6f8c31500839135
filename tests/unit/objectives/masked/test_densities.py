"""Densities of particles: probabilities that add up to one, and velocities that lead from noise to the data."""

import pytest
import torch

from hepjepa_weaver.config import MpmTargetConfig
from hepjepa_weaver.objectives.masked.densities import FlowMatchingTarget, FlowTarget, Path, noise_to

ALL = torch.ones(1, 1, dtype=torch.bool)


def moved_flow(number, **options):
    """A flow away from its start, where it is nearly the normal distribution."""
    torch.manual_seed(0)
    target = FlowTarget(4, number, MpmTargetConfig(flow_noise=0.0, flow_layers=3))
    with torch.no_grad():
        for weight in target.parameters():
            weight.add_(0.1 * torch.randn_like(weight))  # more makes spikes that no grid resolves
    return target.eval()


def log_density(target, states, values):
    """ln p of each particle (L,) by itself."""
    rows = zip(states.unbind(0), values.unbind(0), strict=True)
    return torch.stack([-target(state[None, None], value[None, None], ALL) for state, value in rows])


@torch.no_grad()
def test_the_density_adds_up_to_one():
    target, size, steps = moved_flow(2), 8.0, 241
    axis = torch.linspace(-size, size, steps)
    grid = torch.cartesian_prod(axis, axis)
    for seed in range(3):
        state = torch.randn(1, 4, generator=torch.Generator().manual_seed(seed))
        density = target.flow(state.expand(len(grid), -1)).log_prob(grid).exp()
        assert float(density.sum() * (axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=0.01)
        assert density.max() > 2 * density.mean()


def test_the_loss_is_the_density_by_the_change_of_variables():
    """-ln p from the network's own map to noise and autograd's Jacobian of it."""
    target, states, values = moved_flow(3), torch.randn(5, 4), torch.randn(5, 3)
    for state, value, found in zip(states, values, log_density(target, states, values), strict=True):
        flow = target.flow(state).transform
        jacobian = torch.autograd.functional.jacobian(flow, value)
        normal = torch.distributions.Normal(0, 1).log_prob(flow(value)).sum()
        assert float(found.detach()) == pytest.approx(float((normal + jacobian.det().abs().log()).detach()), rel=1e-3)


@torch.no_grad()
def test_the_loss_is_the_mean_over_the_particles_that_count():
    target, states, values = moved_flow(2), torch.randn(2, 3, 4), torch.randn(2, 3, 2)
    counts = torch.tensor([[True, False, True], [False, True, False]])
    each = log_density(target, states[counts], values[counts])
    assert float(target(states, values, counts)) == pytest.approx(-float(each.mean()), rel=1e-5)
    assert float(target(states, values, torch.zeros_like(counts))) == 0


def test_a_path_goes_straight_from_noise_to_the_data():
    values, noise = torch.randn(4, 3, 2), torch.randn(4, 3, 2)
    start, end = (Path(values, noise, torch.full((4, 1, 1), time)) for time in (0.0, 1.0))
    torch.testing.assert_close(start.place, noise)
    torch.testing.assert_close(end.place, values)
    torch.testing.assert_close(start.place + start.velocity, values)
    assert start.embedded_time().shape == (4, 3, 16)
    assert not torch.equal(start.embedded_time(), end.embedded_time())


def test_times_have_a_logistic_normal_distribution():
    torch.manual_seed(0)
    times = noise_to(torch.zeros(20_000, 1, 1)).time.logit()
    assert abs(float(times.mean())) < 0.03
    assert abs(float(times.std()) - 1) < 0.03


def test_learned_velocities_lead_to_the_data():
    """After training on two points, the flow takes noise to one of them, as the state says."""
    torch.manual_seed(0)
    target = FlowMatchingTarget(1, 1)
    opt = torch.optim.Adam(target.parameters(), lr=3e-3)
    states = torch.tensor([[0.0], [1.0]]).repeat(64, 1).view(128, 1, 1)
    values = torch.where(states > 0, 2.0, -1.0)
    for _ in range(300):
        opt.zero_grad()
        target(states, values, torch.ones(128, 1, dtype=torch.bool)).backward()
        opt.step()
    place, steps = torch.randn(128, 1, 1), 20
    with torch.no_grad():
        for step in range(steps):
            path = Path(place, place, torch.full((128, 1, 1), (step + 0.5) / steps))
            place = place + target.velocity(torch.cat([place, path.embedded_time(), states], dim=2)) / steps
    assert (place - values).abs().mean() < 0.15
