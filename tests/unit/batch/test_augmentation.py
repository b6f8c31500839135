"""Augmentations on jets whose features, places and momenta belong together, as weaver makes them from files."""

from dataclasses import replace

import pytest
import torch

from hepjepa_weaver.batch.augmentation import (
    Augmentation,
    moved_to,
    rotations,
    with_dropped_particles,
    with_split_particles,
    without_features,
)
from hepjepa_weaver.batch.columns import Column, FeatureColumns
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import AugmentConfig
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.toy_jets import random_jets
from tests.helpers.typed_jets import typed_jets

FULL = COLUMNS["full"]
AXIS_ETA, AXIS_PHI, JET_PT, JET_ENERGY = 0.7, 0.2, 600.0, 900.0
MULTIPLICITIES = [1, 2, 3, 17, 40]


def physical_jets(side: float = 1.0, mass: float = 0.1) -> Jets:
    """Jets at η = 0.7 · `side` whose features follow from their momenta."""
    jets = random_jets(MULTIPLICITIES)
    pt = torch.hypot(jets.vectors[:, 0], jets.vectors[:, 1]).clamp(min=0.5)
    eta, phi = side * (AXIS_ETA + jets.points[:, 0]), AXIS_PHI + jets.points[:, 1]
    energy = (pt.square() * eta.cosh().square() + mass**2).sqrt()
    vectors = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh(), energy], dim=1)
    return replace(jets, vectors=vectors, features=features_of(jets.points, vectors))


def features_of(points: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """The 17 features from places and momenta, standardised; charge, types and displacement are made up."""
    pt, energy = torch.hypot(vectors[:, 0], vectors[:, 1]), vectors[:, 3]
    values = {
        "part_pt_log": pt.log(),
        "part_e_log": energy.log(),
        "part_logptrel": (pt / JET_PT).log(),
        "part_logerel": (energy / JET_ENERGY).log(),
        "part_deltaR": points.norm(dim=1),
        "part_deta": points[:, 0],
        "part_dphi": points[:, 1],
    }
    made_up = torch.linspace(-0.9, 0.9, points.size(2)).expand(len(points), -1)
    columns = []
    for column in FULL.columns:
        value = values.get(column.name, made_up)
        if column.center is not None:
            value = ((value - column.center) * column.scale).clamp(column.low, column.high)
        columns.append(value)
    return torch.stack(columns, dim=1)


def kinematic(jets: Jets) -> torch.Tensor:
    """The features that follow from the momenta, of the real particles."""
    places = FULL.where("part_pt_log", "part_e_log", "part_logptrel", "part_logerel", "part_deltaR")
    places += FULL.where("part_deta", "part_dphi")
    return jets.features[:, places].transpose(1, 2)[jets.is_real]


def check_features_follow(jets: Jets) -> None:
    expected = replace(jets, features=features_of(jets.points, jets.vectors))
    assert torch.allclose(kinematic(jets), kinematic(expected), atol=2e-3)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize(
    "options", [{"rotate": True}, {"reflect": True}, {"smear": 0.1}, {"split": 0.3}, {"drop": 0.3}]
)
def test_features_places_and_momenta_change_together(side, options):
    torch.manual_seed(0)
    jets = physical_jets(side)
    changed = Augmentation(AugmentConfig(**options), FULL)(jets)
    assert not torch.equal(changed.points, jets.points)
    check_features_follow(changed)
    eta = torch.asinh(changed.vectors[:, 2] / torch.hypot(changed.vectors[:, 0], changed.vectors[:, 1]))
    axis = (side * eta - changed.points[:, 0])[changed.is_real]
    assert torch.allclose(axis, torch.full_like(axis, AXIS_ETA), atol=1e-4)


@pytest.mark.parametrize("options", [{"rotate": True}, {"reflect": True}])
def test_rotation_and_reflection_keep_pt_mass_and_distances(options):
    jets = physical_jets()
    changed = Augmentation(AugmentConfig(**options), FULL)(jets)
    for before, after in ((jets.points, changed.points), (jets.vectors[:, :2], changed.vectors[:, :2])):
        assert torch.allclose(after.norm(dim=1), before.norm(dim=1), rtol=1e-4, atol=1e-5)
    mass2 = [v[:, 3].square() - v[:, :3].square().sum(dim=1) for v in (jets.vectors, changed.vectors)]
    assert torch.allclose(*mass2, rtol=1e-3, atol=0.1)
    apart = [torch.cdist(p.transpose(1, 2), p.transpose(1, 2)) for p in (jets.points, changed.points)]
    assert torch.allclose(*apart, atol=1e-3)


def test_every_jet_is_turned_by_another_angle():
    torch.manual_seed(0)
    points = rotations(2000, torch.device("cpu"))[:, :, 0]
    angles = torch.atan2(points[:, 1], points[:, 0])
    assert angles.histc(8, -torch.pi, torch.pi).min() > 180  # 250 expected


def with_vertices(jets: Jets, side: float) -> tuple[Jets, torch.Tensor]:
    """Jets whose particles come from one vertex each, 0.5 mm away in the direction of the first particle, and the
    impact parameters (N, 2, P) along Δη and across it that follow."""
    expected = displacement(jets)
    eta = side * (AXIS_ETA + jets.points[:, 0])
    features = jets.features.clone()
    features[:, FULL.where("part_dz")[0]] = (-side * eta.cosh() * expected[:, 0]).tanh()
    features[:, FULL.where("part_d0")[0]] = expected[:, 1].tanh()
    return replace(jets, features=features), expected


def displacement(jets: Jets) -> torch.Tensor:
    """0.5 mm times the distance (N, 2, P) in (Δη, Δφ) to the first particle."""
    return 0.5 * (jets.points - jets.points[:, :, :1])


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("options", [{"rotate": True}, {"reflect": True}, {"rotate": True, "reflect": True}])
def test_tracks_of_one_vertex_still_come_from_one_when_displacement_is_turned(side, options):
    torch.manual_seed(0)
    jets, before = with_vertices(physical_jets(side), side)
    changed = Augmentation(AugmentConfig(**options, displacement="turned"), FULL)(jets)
    wanted, after = with_vertices(changed, side)
    assert not torch.allclose(before, after, atol=1e-2)
    for place in FULL.displacement:
        got, expected = changed.features[:, place][jets.is_real], wanted.features[:, place][jets.is_real]
        assert torch.allclose(got, expected, atol=1e-3)


def test_half_of_the_impact_parameters_cannot_be_turned():
    columns = FeatureColumns(tuple(column for column in FULL.columns if column.name != "part_dz"))
    with pytest.raises(UserError, match=naming("part_d0", "part_dz")):
        Augmentation(AugmentConfig(reflect=True, displacement="turned"), columns)
    for allowed in (AugmentConfig(reflect=True), AugmentConfig(displacement="turned")):
        Augmentation(allowed, columns)


def test_features_that_augmentation_does_not_know_are_named(caplog):
    columns = FeatureColumns((*FULL.columns, Column("pfcand_etarel")))
    for config, is_named in ((AugmentConfig(), False), (AugmentConfig(rotate=True), True)):
        Augmentation(config, columns)
        assert ("leave pfcand_etarel as they are" in caplog.text) is is_named


@pytest.mark.parametrize("options", [{"rotate": True}, {"reflect": True}])
def test_impact_parameters_keep_their_size_and_take_the_signs_of_reflections(options):
    torch.manual_seed(0)
    jets = random_jets([40] * 50)
    changed = Augmentation(AugmentConfig(**options), FULL)(jets)
    for name, axis in (("part_d0", 1), ("part_dz", 0)):
        place = FULL.where(name)[0]
        sign = (changed.points[:, axis] / jets.points[:, axis]).sign() if "reflect" in options else 1
        assert torch.allclose(changed.features[:, place], sign * jets.features[:, place], atol=1e-6)
    errors = FULL.where("part_d0err", "part_dzerr")
    assert torch.equal(changed.features[:, errors], jets.features[:, errors])


def test_smearing_is_soft():
    torch.manual_seed(0)
    jets = physical_jets()
    changed = Augmentation(AugmentConfig(smear=0.1), FULL)(jets)
    shift = (changed.points - jets.points).norm(dim=1)[jets.is_real]
    pt = jets.pt()[jets.is_real]
    assert shift[pt > 30].max() < 0.02
    assert shift.max() < 0.6  # six times the largest width
    assert shift[pt < 5].mean() > shift[pt > 30].mean()


def test_a_splitting_keeps_the_jets_momentum_and_direction():
    torch.manual_seed(0)
    jets = physical_jets(mass=0.0)
    split = with_split_particles(jets, 0.3, FULL)
    assert split.num_real.tolist() == [1, 3, 4, 22, 52]
    assert torch.equal(split.is_real.sum(dim=1), split.num_real)
    total = [(x.vectors * x.is_real.unsqueeze(1)).sum(dim=2) for x in (jets, split)]
    assert torch.allclose(*total, rtol=1e-4)
    assert split.pt()[split.is_real].min() > 0.04 * jets.pt()[jets.is_real].min()


def test_dropping_leaves_at_least_one_particle_of_each_jet():
    jets = physical_jets()
    dropped = with_dropped_particles(jets, 0.4)
    assert dropped.num_real.tolist() == [1, 1, 2, 10, 24]
    assert torch.equal(dropped.is_real.sum(dim=1), dropped.num_real)
    kept = {tuple(p) for p in dropped.points[4].T[dropped.is_real[4]].tolist()}
    assert kept < {tuple(p) for p in jets.points[4].T.tolist()}


def test_an_empty_jet_stays_finite():
    jets = random_jets([0, 2])
    jets.is_real[0, 0] = True
    options = AugmentConfig(rotate=True, reflect=True, smear=0.1, split=0.5, drop=0.1)
    changed = Augmentation(options, FULL)(replace(jets, num_real=torch.tensor([1, 2])))
    assert changed.features.isfinite().all()
    assert changed.vectors.isfinite().all()


def test_without_options_nothing_changes():
    jets = physical_jets()
    assert Augmentation(AugmentConfig(), FULL)(jets) is jets
    assert torch.allclose(moved_to(jets, jets.points, FULL).vectors, jets.vectors, rtol=1e-4, atol=1e-4)


def test_features_are_dropped_for_whole_jets_and_for_a_share_of_them():
    torch.manual_seed(0)
    jets = random_jets([5] * 1000)
    shown = without_features(jets, FULL.identity, 0.3)
    lost = (shown.features[:, FULL.identity] == 0).flatten(1).all(dim=1)
    assert 0.25 < lost.float().mean() < 0.35
    assert torch.equal(shown.features[~lost], jets.features[~lost])
    others = [place for place in range(17) if place not in FULL.identity]
    assert torch.equal(shown.features[:, others], jets.features[:, others])


@pytest.mark.parametrize("kind", ["identity", "displacement"])
def test_some_jets_lose_features_behind_every_other_change(kind):
    torch.manual_seed(0)
    jets = typed_jets([8] * 600)
    moves = {"rotate": True, "reflect": True, "displacement": "turned", "split": 0.2}
    changed = Augmentation(AugmentConfig(**moves, **{f"drop_{kind}": 0.4}), FULL)(jets)
    dropped = changed.features[:, getattr(FULL, kind)]
    lost = (dropped == 0).flatten(1).all(dim=1)
    assert 0.33 < lost.float().mean() < 0.47
    others = [place for place in range(17) if place not in getattr(FULL, kind)]
    assert (changed.features[:, others] != 0).flatten(1).any(dim=1).all()


@pytest.mark.parametrize(
    ("features", "kind"), [("kin", "identity"), ("kin", "displacement"), ("kinpid", "displacement")]
)
def test_features_that_are_not_there_cannot_be_dropped(features, kind):
    with pytest.raises(UserError, match=rf"-o drop_{kind} is 0\.3, but must be 0: the data config has no such"):
        Augmentation(AugmentConfig(**{f"drop_{kind}": 0.3}), COLUMNS[features])


def test_jets_are_moved_in_full_precision_under_autocast():
    """As with --use-amp: in half precision the particles of a jet's core would change places."""
    options = AugmentConfig(rotate=True, reflect=True, smear=0.1, displacement="turned")
    jets, found = typed_jets([30, 17, 49]), []
    for enabled in (False, True):
        torch.manual_seed(2)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append(Augmentation(options, FULL)(jets))
    for name in ("points", "features", "vectors"):
        assert torch.equal(getattr(found[1], name), getattr(found[0], name)), name
