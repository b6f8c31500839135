"""The comparison of samples: equal numbers, floors, classes."""

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.fidelity.comparison import compare
from hepjepa_weaver.fidelity.distances import Distance
from hepjepa_weaver.fidelity.observables import DETA, OBSERVABLES
from hepjepa_weaver.fidelity.results import Reference, Row, Settings
from hepjepa_weaver.fidelity.tree_separation import TREES
from tests.helpers.messages import naming
from tests.helpers.toy_particles import toy_jets

pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
NAMES = ("QCD", "Hbb")
NO_CLASSIFIERS = Settings(steps=0, replicas=20)


def sample(n_jets, seed, width=0.1):
    return toy_jets(n_jets, seed, width, NAMES)


def test_other_jets_are_further_away_than_the_floor():
    references = [Reference("original", sample(500, 1), sample(400, 2))]
    found = compare(sample(300, 3, width=0.2), references, settings=NO_CLASSIFIERS)
    (one,) = found.references
    assert found.given == {"generated": 300, "original": 500, "floor of original": 400}
    assert one.num_jets == 300
    assert list(one.rows) == list(OBSERVABLES)
    row = one.rows[DETA]
    assert row.ratio.value > 5
    assert row.ratio.value == pytest.approx(row.distance.divergence.value / row.floor.divergence.value)
    assert list(one.separations) == [TREES]
    assert one.separations[TREES].auc.value > 0.8
    assert found.memory is None
    assert [(name, number) for name, (number, _) in one.by_class.items()] == [("QCD", 150), ("Hbb", 150)]


def test_classes_that_a_sample_lacks_are_told():
    only = toy_jets(40, 3, label_names=("Hbb",))
    found = compare(only, [Reference("original", sample(100, 1))], settings=NO_CLASSIFIERS)
    assert found.left_out == ("QCD",)


def test_too_few_jets_in_common_are_told_with_their_samples():
    one, many = toy_jets(1, 3), toy_jets(100, 1)
    with pytest.raises(UserError, match=naming("generated 1", "original 100")):
        compare(one, [Reference("original", many)], settings=NO_CLASSIFIERS)


def test_the_floor_is_at_the_floor():
    floor = sample(300, 2)
    (one,) = compare(floor, [Reference("original", sample(300, 1), floor)], settings=NO_CLASSIFIERS).references
    for row in one.rows.values():
        assert row.distance == row.floor
        assert row.ratio.value == pytest.approx(1)


def test_classifiers_have_a_floor_too():
    settings = Settings(networks=("particle_flow",), steps=40, replicas=20)
    references = [
        Reference("original", sample(300, 1), sample(300, 2)),
        Reference("reconstructed", sample(300, 1, 0.3)),
    ]
    original, reconstructed = compare(sample(300, 3, 0.3), references, settings=settings).references
    assert original.separations["particle_flow"].auc.value > 0.9
    assert original.separations["particle_flow"].floor.value == pytest.approx(0.5, abs=0.15)
    assert reconstructed.separations["particle_flow"].auc.value == pytest.approx(0.5, abs=0.15)
    assert reconstructed.separations["particle_flow"].floor is None
    assert reconstructed.rows[DETA].floor is None
    assert reconstructed.rows[DETA].ratio.value is None


def test_copies_are_found_among_all_training_jets():
    training = sample(900, 5)
    copies = training[training.label == 1]
    found = compare(copies, [Reference("original", sample(200, 1))], training, NO_CLASSIFIERS)
    assert found.references[0].num_jets == 100
    assert found.memory.num_copies == 100
    assert found.memory.num_generated == found.memory.num_neighbours == 100


def test_unlabelled_samples_have_no_classes():
    (one,) = compare(toy_jets(50), [Reference("original", sample(60, 1))], settings=NO_CLASSIFIERS).references
    assert one.num_jets == 50
    assert not one.by_class


def test_the_ratio_has_both_errors():
    def of(value, error):
        return Distance(Measurement(value, error), Measurement(0.0, 0.0), 1.0)

    assert Row(of(6.0, 0.3), of(2.0, 0.2)).ratio.error == pytest.approx(3 * (0.05**2 + 0.1**2) ** 0.5)
    assert Row(of(6.0, 0.3), of(0.0, 0.2)).ratio.value is None
    assert Row(of(6.0, None), of(2.0, 0.2)).ratio == Measurement(3.0, None)
