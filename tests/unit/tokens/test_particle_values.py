from dataclasses import replace

import pytest
import torch

from hepjepa_weaver.batch.columns import CHARGE, DISPLACEMENT, TYPES, FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.tokens.particle_values import IDENTITIES, ParticleValues
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.tokens import FULL
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([1, 7, 30, 128])


def of_kind(*kinds: tuple[str | None, int]) -> torch.Tensor:
    """Features (1, C, P) of particles of given type and charge."""
    features = torch.zeros(1, len(FULL.columns), len(kinds))
    for slot, (name, charge) in enumerate(kinds):
        features[0, FULL.where(CHARGE)[0], slot] = charge
        if name:
            features[0, FULL.where(name)[0], slot] = 1
    return features


@pytest.mark.parametrize("features", ["kin", "kinpid", "full"])
def test_kinematics_come_back(features):
    jets = typed_jets([1, 7, 30, 128], features=features)
    values = ParticleValues(COLUMNS[features], is_full=False, own_identity=False)
    found = values.particles(values(jets), jets.is_real)
    real = jets.is_real
    assert values.number == 3
    assert not found.extras
    assert torch.allclose(found.pt[real], jets.pt()[real], rtol=1e-5)
    assert torch.allclose(found.deta[real], jets.points[:, 0][real], atol=1e-6)
    assert torch.allclose(found.dphi[real], jets.points[:, 1][real], atol=1e-6)


@pytest.mark.parametrize("own_identity", [False, True])
def test_all_features_come_back_as_they_were_before_the_standardisation(own_identity):
    values = ParticleValues(FULL, is_full=True, own_identity=own_identity)
    identity = values.identity(JETS) if own_identity else None
    found = values.particles(values(JETS), JETS.is_real, identity)
    assert values.number == 3 + (len(DISPLACEMENT) if own_identity else 1 + len(TYPES) + len(DISPLACEMENT))
    assert set(found.extras) == set(values.extra_names) == {CHARGE, *TYPES, *DISPLACEMENT}
    for name, value in found.extras.items():
        column = FULL.columns[FULL.where(name)[0]]
        wanted = column.original(JETS.features[:, FULL.where(name)[0]])
        assert torch.allclose(value[JETS.is_real], wanted[JETS.is_real], atol=1e-6), name
        assert value[JETS.is_real].std() > 0.1, name


def test_the_eight_identities_are_told_apart_and_come_back():
    features = of_kind(*((TYPES[place], charge) for place, charge in IDENTITIES))
    jets = replace(typed_jets([8]), features=features)
    values = ParticleValues(FULL, is_full=True, own_identity=True)
    identity = values.identity(jets)
    assert identity.tolist() == [list(range(8))]
    extras = values.particles(values(jets), jets.is_real, identity).extras
    for name in (CHARGE, *TYPES):
        assert torch.equal(extras[name], features[:, FULL.where(name)[0]]), name


def test_without_type_a_particle_is_a_hadron_and_without_charge_a_charged_one_is_negative():
    kinds = [(None, 0), (None, -1), (None, 1), ("part_isMuon", 0), ("part_isChargedHadron", 0), ("part_isPhoton", 1)]
    jets = replace(typed_jets([6]), features=of_kind(*kinds))
    values = ParticleValues(FULL, is_full=True, own_identity=True)
    kept = [IDENTITIES[number] for number in values.identity(jets)[0].tolist()]
    hadron, neutral, photon, muon = (
        TYPES.index(f"part_is{name}") for name in ("ChargedHadron", "NeutralHadron", "Photon", "Muon")
    )
    assert kept == [(neutral, 0), (hadron, -1), (hadron, 1), (muon, -1), (hadron, -1), (photon, 0)]


def test_a_standardised_charge_and_type_have_the_same_identity():
    """A data config may shift what JetClass's leaves as it is."""
    columns = [
        replace(column, center=0.5, scale=2.0) if column.name in (CHARGE, *TYPES) else column for column in FULL.columns
    ]
    features = torch.stack([c.standardised(x) for c, x in zip(columns, JETS.features.unbind(1), strict=True)], dim=1)
    plain = ParticleValues(FULL, is_full=True, own_identity=True)
    shifted = ParticleValues(FeatureColumns(tuple(columns)), is_full=True, own_identity=True)
    found = shifted.identity(replace(JETS, features=features))
    assert torch.equal(found[JETS.is_real], plain.identity(JETS)[JETS.is_real])
    values = ParticleValues(FeatureColumns(tuple(columns)), is_full=True, own_identity=False)
    extras = values.particles(values(replace(JETS, features=features)), JETS.is_real).extras
    for name in (CHARGE, *TYPES):
        assert torch.equal(extras[name][JETS.is_real], JETS.features[:, FULL.where(name)[0]][JETS.is_real]), name


def test_charge_and_type_of_any_values_go_together():
    torch.manual_seed(0)
    values = ParticleValues(FULL, is_full=True, own_identity=False)
    particles = values.particles(3 * torch.randn(4, 50, values.number), torch.ones(4, 50, dtype=torch.bool))
    flags = torch.stack([particles.extras[name] for name in TYPES], dim=-1)
    assert (flags.sum(dim=-1) == 1).all()
    is_neutral = particles.extras["part_isNeutralHadron"] + particles.extras["part_isPhoton"] > 0
    assert torch.equal(particles.extras[CHARGE] == 0, is_neutral)
    for name in DISPLACEMENT:
        low = 0 if name.endswith("err") else -1
        assert particles.extras[name].min() == low
        assert particles.extras[name].max() == 1


def test_pt_of_zero_and_padding_are_finite():
    jets = replace(JETS, vectors=JETS.vectors * (torch.arange(128) % 2))
    values = ParticleValues(FULL, is_full=True, own_identity=False)
    found = values(jets)
    assert torch.isfinite(found).all()
    particles = values.particles(torch.full((1, 2, values.number), 1e4), torch.ones(1, 2, dtype=torch.bool))
    assert torch.isfinite(particles.pt).all()


@pytest.mark.parametrize(("features", "missing"), [("kin", ("part_charge", "part_d0")), ("kinpid", ("part_d0",))])
def test_missing_features_are_named(features, missing):
    with pytest.raises(UserError, match=naming("-o token_features", "full", *missing)):
        ParticleValues(COLUMNS[features], is_full=True, own_identity=False)
