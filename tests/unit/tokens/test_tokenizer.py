"""Codes of jets, whatever a tokenizer is made of: what they may depend on, and what comes back from them."""

from dataclasses import replace

import pytest
import torch

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.tokens.stepwise_decoder import StepwiseDecoder
from hepjepa_weaver.tokens.tokenizer import PADDING, JetTokenizer, shuffled
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.symmetry import padded, permuted
from tests.helpers.tokens import (
    ENCODINGS,
    VARIANTS,
    rows,
    small_tokenizer,
    tokenizer_options,
    without_particles,
)
from tests.helpers.typed_jets import typed_jets

COUNTS = [3, 30, 1, 128, 17, 64]
JETS = typed_jets(COUNTS, seed=9)
IDS = ["-".join(map(str, variant.values())) for variant in VARIANTS]


@pytest.fixture(scope="module", params=VARIANTS, ids=IDS)
def tokenizer(request: pytest.FixtureRequest) -> JetTokenizer:
    return small_tokenizer(**request.param)


def garbage_in_padding(jets: Jets, seed: int = 3) -> Jets:
    generator = torch.Generator().manual_seed(seed)
    padding = ~jets.is_real.unsqueeze(1)
    changed = {
        name: torch.where(padding, 50 * torch.randn(value.shape, generator=generator), value)
        for name in ("points", "features", "vectors")
        for value in [getattr(jets, name)]
    }
    return replace(jets, **changed)


def empty_jets(number: int = 2, length: int = 5) -> Jets:
    jets = typed_jets([length] * number)
    return replace(jets, is_real=torch.zeros(number, length, dtype=torch.bool), num_real=torch.zeros(number).long())


def test_codes_are_in_range_and_padding_has_none(tokenizer):
    codes = tokenizer.codes(JETS)
    assert codes.dtype == torch.long
    assert torch.equal(codes == PADDING, ~JETS.is_real)
    assert codes[JETS.is_real].min() >= 0
    assert codes[JETS.is_real].max() < tokenizer.num_codes
    assert len(codes.unique()) > 20
    identities = 8 if tokenizer.config.particle.own_identity_code else 1
    assert tokenizer.num_codes == 64 * identities


def test_the_own_code_of_identities_keeps_them_exactly():
    tokenizer = small_tokenizer(encoding="causal", token_features="full", own_identity_code=True)
    codes, real = tokenizer.codes(JETS), JETS.is_real
    assert torch.equal((codes % 8)[real], tokenizer.particle_values.identity(JETS)[real])
    plain = tokenizer(JETS).codes
    assert torch.equal((codes // 8)[real], plain[real])


def test_neither_padding_nor_other_jets_nor_their_order_matter(tokenizer):
    codes = tokenizer.codes(JETS)
    for wrap in (False, True):
        assert torch.equal(tokenizer.codes(padded(JETS, 11, wrap))[:, :128], codes)
    assert torch.equal(tokenizer.codes(garbage_in_padding(JETS)), codes)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    assert torch.equal(tokenizer.codes(JETS.reordered(order)), codes[order])
    for place, count in enumerate(COUNTS):
        assert torch.equal(tokenizer.codes(rows(JETS, [place]).trimmed(count)), codes[place : place + 1, :count])


def test_permuted_particles_have_permuted_codes(tokenizer):
    other, order = permuted(JETS)
    assert torch.equal(tokenizer.codes(other), tokenizer.codes(JETS).gather(1, order))


def test_codes_give_the_particles_that_the_training_compares(tokenizer):
    """Codes of jets, and particles of codes, are the same way as `forward`, which the loss sees."""
    came_back = tokenizer(JETS)
    codes = tokenizer.codes(JETS)
    identity = codes.clamp(min=0) % 8 if tokenizer.num_identities > 1 else None
    wanted = tokenizer.particle_values.particles(came_back.reconstructed, JETS.is_real, identity)
    found = tokenizer.particles(codes)
    real = JETS.is_real
    assert torch.equal(found.is_real, real)
    for name in ("pt", "deta", "dphi"):
        assert torch.allclose(getattr(found, name)[real], getattr(wanted, name)[real], rtol=1e-4, atol=1e-5), name
    assert set(found.extras) == set(tokenizer.particle_values.extra_names)
    for name, value in wanted.extras.items():
        assert torch.allclose(found.extras[name][real], value[real], atol=1e-5), name


def test_particles_do_not_depend_on_padding_order_or_other_jets(tokenizer):
    codes = tokenizer.codes(JETS)
    found = tokenizer.particles(codes)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    longer = torch.nn.functional.pad(codes[order], (0, 9), value=PADDING)
    other, real = tokenizer.particles(longer), JETS.is_real[order]
    assert torch.allclose(other.pt[:, :128][real], found.pt[order][real], rtol=1e-4)
    assert torch.allclose(other.deta[:, :128][real], found.deta[order][real], atol=1e-5)


def test_a_particle_is_decoded_from_its_code_and_earlier_ones_alone(tokenizer):
    codes = tokenizer.codes(rows(JETS, [3, 5]))[:, :40]
    changed = codes.clone()
    changed[:, 25:] = (changed[:, 25:] + 9 * tokenizer.num_identities) % tokenizer.num_codes
    before, after = tokenizer.particles(codes), tokenizer.particles(changed)
    same = torch.allclose(before.pt[:, :25], after.pt[:, :25], rtol=1e-4) and torch.allclose(
        before.deta[:, :25], after.deta[:, :25], atol=1e-5
    )
    assert same == tokenizer.decodes_one_by_one
    assert not torch.allclose(before.pt[:, 25:], after.pt[:, 25:], rtol=1e-4)
    # Whether earlier codes matter tells a decoder with context from one without.
    changed = codes.clone()
    changed[:, 0] = (changed[:, 0] + 9 * tokenizer.num_identities) % tokenizer.num_codes
    later = tokenizer.particles(changed)
    has_context = tokenizer.config.encoding.encoding in ("causal", "conditional")
    assert torch.allclose(before.pt[:, 1:], later.pt[:, 1:], rtol=1e-4) != has_context


def test_one_particle_at_a_time_is_the_same_as_all_at_once(tokenizer):
    codes = tokenizer.codes(rows(JETS, [3, 5]))[:, :40]
    if not tokenizer.decodes_one_by_one:
        with pytest.raises(UserError, match=naming("-o encoding", "conditional", "causal")):
            StepwiseDecoder(tokenizer, 2, 40)
        return
    whole = tokenizer.particles(codes)
    with torch.no_grad():
        steps = StepwiseDecoder(tokenizer, 2, 40)
        for place in range(40):
            if place == 20:
                steps.keep(torch.tensor([1]))
                codes, whole = codes[1:], tokenizer.particles(codes[1:])
            found = steps.next_particle(codes[:, place])
            for name in ("pt", "deta", "dphi"):
                wanted = getattr(whole, name)[:, place : place + 1]
                assert torch.allclose(getattr(found, name), wanted, rtol=1e-4, atol=1e-5), (name, place)
            for name, value in found.extras.items():
                assert torch.allclose(value, whole.extras[name][:, place : place + 1], atol=1e-4), (name, place)


@pytest.mark.parametrize("variant", VARIANTS, ids=IDS)
def test_padding_reaches_neither_loss_nor_codebook_nor_statistics_in_training(variant):
    results = []
    for jets in (JETS, garbage_in_padding(JETS), padded(JETS, 11, wrap=True)):
        torch.manual_seed(0)
        tokenizer = JetTokenizer(COLUMNS["full"], tokenizer_options(**{"encoding": "causal", **variant})).train()
        if variant["encoding"] == "causal":  # draws an order of particles, one number for each slot
            tokenizer.config = tokenizer_options(**{**variant, "encoding": "conditional"})
        torch.manual_seed(1)
        for _ in range(3):
            came_back = tokenizer(jets)
        error = (came_back.reconstructed - came_back.values).square()[jets.is_real].mean()
        loss = error + came_back.codebook_loss
        gradients = torch.autograd.grad(loss, list(tokenizer.parameters())) if loss.requires_grad else ()
        assert torch.equal(came_back.codes == PADDING, ~jets.is_real)
        results.append((loss.detach(), came_back.codes[jets.is_real], gradients, tokenizer.state_dict()))
    for loss, codes, gradients, state in results[1:]:
        assert torch.allclose(loss, results[0][0], rtol=1e-5)
        assert torch.equal(codes, results[0][1])
        for one, other in zip(gradients, results[0][2], strict=True):
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-6)
        for name, value in state.items():
            assert torch.allclose(value, results[0][3][name], atol=1e-5), name


def test_particles_of_a_jet_are_shuffled_and_padding_stays_behind():
    values = torch.arange(6 * 128).view(6, 128, 1).float()
    torch.manual_seed(0)
    found = shuffled(values, JETS.is_real)
    for place, count in enumerate(COUNTS):
        assert torch.equal(found[place, :count, 0].sort().values, values[place, :count, 0])
    assert not torch.equal(found[3], values[3])
    firsts = torch.stack([shuffled(values, JETS.is_real)[3, 0, 0] for _ in range(100)])
    assert len(firsts.unique()) > 40


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_only_a_causal_tokenizer_is_trained_in_another_order(encoding):
    tokenizer = small_tokenizer(encoding=encoding).train()
    values = tokenizer.particle_values(JETS)
    torch.manual_seed(0)
    assert torch.equal(tokenizer(JETS).values, values) == (encoding != "causal")
    assert torch.equal(tokenizer.eval()(JETS).values, values)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_jets_of_every_length_and_of_none_have_codes_and_particles(encoding):
    tokenizer = small_tokenizer(encoding=encoding)
    jets = typed_jets([1, *range(129)])
    codes = tokenizer.codes(jets)
    assert (codes != PADDING).sum(dim=1).tolist() == [1, *range(129)]
    particles = tokenizer.particles(codes)
    for name in ("pt", "deta", "dphi"):
        assert torch.isfinite(getattr(particles, name)[particles.is_real]).all()
    nothing = tokenizer.codes(empty_jets())
    assert (nothing == PADDING).all()
    assert not tokenizer.particles(nothing).is_real.any()


def test_a_jet_without_particles_has_no_codes_and_teaches_nothing(tokenizer):
    jets = typed_jets([3, 1, 7], seed=5)
    empty, rest = without_particles(jets, 1), rows(jets, [0, 2])
    codes = tokenizer.codes(empty)
    assert (codes[1] == PADDING).all()
    assert torch.equal(codes[[0, 2]], tokenizer.codes(rest))
    come_back, expected = tokenizer(empty), tokenizer(rest)
    assert torch.equal(come_back.is_real[[0, 2]], expected.is_real)
    assert not come_back.is_real[1].any()
    assert torch.isfinite(come_back.reconstructed).all()


def test_a_codebook_takes_a_batch_without_any_particle():
    tokenizer = small_tokenizer(encoding="causal").train()
    came_back = tokenizer(without_particles(without_particles(typed_jets([2, 1]), 0), 1))
    assert torch.isfinite(came_back.reconstructed).all()
    assert torch.isfinite(came_back.codebook_loss)


@pytest.mark.parametrize("code", [64, 10**6, -2])
def test_a_code_that_is_none_of_the_tokenizers_is_refused(code):
    codes = torch.tensor([[1, 2, 3], [4, code, PADDING]])
    with pytest.raises(UserError, match=naming(code, 63)):
        small_tokenizer(encoding="causal").particles(codes)


def test_a_code_behind_padding_is_refused():
    with pytest.raises(UserError, match=naming("padding")):
        small_tokenizer(encoding="causal").particles(torch.tensor([[1, PADDING, 3]]))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("group", ["points", "vectors", "features"])
@pytest.mark.parametrize("encoding", ["causal", "unconditional"])
def test_particles_that_are_not_finite_are_refused(encoding, group, value):
    tokenizer = small_tokenizer(encoding=encoding, token_features="full")
    changed = getattr(JETS, group).clone()
    place = COLUMNS["full"].where("part_d0")[0] if group == "features" else 0
    changed[1, place, 2] = value
    for broken in (lambda: tokenizer.codes, tokenizer.eval, tokenizer.train):
        with pytest.raises(UserError, match=naming("1 of 6 jets")):
            broken()(replace(JETS, **{group: changed}))
