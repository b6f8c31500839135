import math

import pytest
import torch

from hepjepa_weaver.objectives.next_token.known_totals import NUMBER, KnownTotals
from hepjepa_weaver.objectives.next_token.sequences import Sequences
from hepjepa_weaver.objectives.next_token.start_token import StartToken, jet_totals
from tests.helpers.symmetry import padded, permuted
from tests.helpers.typed_jets import typed_jets


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_class_adds_its_own_vector_and_an_unknown_one_that_of_none():
    torch.manual_seed(0)
    start = StartToken(6, num_classes=3)
    found = start(4, torch.tensor([0, 2, -1, 1]))[:, 0]
    wanted = start.vector + start.of_class.weight[[0, 2, 3, 1]]
    assert torch.equal(found, wanted)
    assert torch.equal(start(2), start(2, torch.tensor([-1, -1])))
    assert len(found.unique(dim=0)) == 4


def test_without_classes_a_label_changes_nothing_and_totals_add_linearly():
    torch.manual_seed(0)
    start = StartToken(6, with_totals=True)
    assert torch.equal(start(2, torch.tensor([0, 1]))[0], start(2)[1])
    totals = torch.randn(2, 4)
    assert torch.equal(start(2, totals=totals)[:, 0], start.vector + start.of_totals(totals))


def test_totals_are_those_of_the_sum_of_real_particles():
    jets = typed_jets([3, 30, 1])
    totals = jet_totals(jets)
    for place, count in enumerate(jets.num_real.tolist()):
        px, py, pz, energy = jets.vectors[place, :, :count].sum(dim=1).tolist()
        wanted = [(px**2 + py**2) ** 0.5, energy]
        assert (totals[place, :2] + torch.tensor([6.5, 7])).exp().tolist() == pytest.approx(wanted, rel=1e-4)
        assert totals[place, 2].item() == pytest.approx((count - 50) / 20)
        assert totals[place, 3].item() == pytest.approx(abs(math.asinh(pz / wanted[0])), rel=1e-4)
    assert torch.allclose(jet_totals(padded(jets, 5, wrap=True)), totals)


def test_the_ring_keeps_the_last_jets():
    ring = KnownTotals()
    numbers = torch.arange(NUMBER + 500).float()
    for part in numbers.split(300):
        ring.add(part.unsqueeze(1).expand(-1, 4), part.long() % 7)
    assert ring.totals[:, 0].sort().values.tolist() == numbers[500:].tolist()
    assert torch.equal(ring.label, ring.totals[:, 0].long() % 7)
    drawn = ring.draw(None, 2000, seeded())[:, 0]
    assert drawn.min() >= 500
    assert len(drawn.unique()) > 1000


def test_totals_are_drawn_from_jets_of_the_class_if_there_are_any():
    ring = KnownTotals()
    ring.add(torch.arange(90.0).unsqueeze(1).expand(-1, 4), torch.arange(90) % 3)
    wanted = torch.tensor([0, 1, 2] * 50)
    assert torch.equal(ring.draw(wanted, 150, seeded())[:, 0].long() % 3, wanted)
    others = ring.draw(torch.full((500,), 9), 500, seeded())[:, 0]
    assert len(others.unique()) > 80
    unlabelled = KnownTotals()
    unlabelled.add(torch.ones(4, 4), None)
    assert (unlabelled.label == -1).all()
    assert (unlabelled.draw(torch.tensor([1]), 1, seeded()) == 1).all()


def test_the_ring_is_part_of_a_checkpoint():
    ring, other = KnownTotals(), KnownTotals()
    ring.add(torch.randn(40, 4), torch.arange(40) % 2)
    other.load_state_dict(ring.state_dict())
    assert torch.equal(ring.draw(None, 20, seeded()), other.draw(None, 20, seeded()))


def test_sequences_are_by_falling_pt_with_padding_behind():
    jets, _ = permuted(typed_jets([3, 30, 1, 12]))
    found, ends = Sequences(longest=20)(jets)
    assert found.num_real.tolist() == [3, 20, 1, 12]
    assert ends.tolist() == [True, False, True, True]
    for place, count in enumerate(jets.num_real.tolist()):
        pt = jets.pt()[place, :count].sort(descending=True).values[:20]
        assert torch.allclose(found.pt()[place, : len(pt)], pt)
        assert found.is_real[place].tolist() == [slot < min(count, 20) for slot in range(20)]


def test_a_jet_as_long_as_the_model_has_no_end_because_weaver_may_have_cut_it():
    sequences = Sequences(longest=12)
    _, ends = sequences(typed_jets([3, 30, 1, 12]))
    assert ends.tolist() == [True, False, True, False]
    sequences(typed_jets([1, 2]))
    assert sequences.fraction_cut() == pytest.approx(2 / 6)
    sequences.start_count()
    assert sequences.fraction_cut() == 0


def test_all_columns_of_a_particle_stay_together():
    jets, _ = permuted(typed_jets([30]))
    found, _ = Sequences(50)(jets)
    index = [int((jets.vectors[0, 0] == px).nonzero()) for px in found.vectors[0, 0]]
    for name in ("points", "features", "vectors"):
        assert torch.equal(getattr(found, name)[0], getattr(jets, name)[0][:, index]), name
