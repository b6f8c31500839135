"""No token is predicted from what it tells: neither in training nor in validation, neither next nor masked tokens."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.objectives.next_token.start_token import jet_totals
from hepjepa_weaver.tokens.tokenizer import PADDING
from tests.helpers.data_configs import COLUMNS
from tests.helpers.tokens import moved, rows, small_model, small_tokenizer
from tests.helpers.two_ranks import every_third
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([12, 12, 12], seed=4)
PLACE = 7
GROUPS = ("points", "features", "vectors")
FEATURES = [
    {"num_registers": registers, "jet_totals": totals, "pair_bias": pairs}
    for registers in (0, 3)
    for totals in ("left_out", "given")
    for pairs in (True, False)
] + [{"num_registers": 3, "jet_totals": "left_out", "pair_bias": True, "running_totals": True}]


def watched(jets: Jets) -> Jets:
    """The jets with gradients of all that they hold."""
    return replace(jets, **{name: getattr(jets, name).clone().requires_grad_() for name in GROUPS})


def scores(model: Any, jets: Jets, states: Tensor) -> Tensor:
    """Scores (N, P + 1, K + 1) of the token behind the start and behind each particle."""
    front = model.start(len(states), None, jet_totals(jets) if model.known_totals is not None else None)
    return model.token_head.logits(model.token_head.states(torch.cat([front, states], dim=1), jets.num_real + 1))


def gradients(of: Tensor, jets: Jets) -> dict[str, Tensor]:
    """Gradient of a sum with random weights: no two contributions cancel."""
    given = [getattr(jets, name) for name in GROUPS]
    found = torch.autograd.grad((of * torch.randn_like(of)).sum(), given, retain_graph=True, allow_unused=True)
    return {name: torch.zeros_like(x) if g is None else g for name, x, g in zip(GROUPS, given, found, strict=True)}


@pytest.fixture(params=FEATURES, ids=lambda options: "-".join(map(str, options.values())))
def model(request):
    return moved(small_model(**request.param))


@pytest.mark.parametrize("training", [True, False])
def test_a_state_has_no_gradient_of_later_particles_or_other_jets(model, training):
    model.train(training)
    jets = watched(JETS)
    states = model.causal_states(jets)
    is_given = model.known_totals is not None
    own = gradients(states[1, PLACE], jets)
    for name, gradient in own.items():
        assert (gradient[[0, 2]] == 0).all(), name
        assert (gradient[1, :, PLACE + 1 :] == 0).all(), name
    assert (own["features"][1, :, : PLACE + 1] != 0).any(dim=0).all(), "it sees itself and all before it"
    left_out = COLUMNS["full"].where("part_logptrel", "part_logerel")
    assert (own["features"][1, left_out] != 0).any() == is_given
    of_scores = gradients(scores(model, jets, states)[1, PLACE + 1], jets)
    for name in ("points", "features"):
        assert (of_scores[name][1, :, PLACE + 1 :] == 0).all(), name
    later = of_scores["vectors"][1, :, PLACE + 1 :]
    assert (later != 0).any() == is_given, "totals enter by the start token, and by nothing else"
    assert all((gradient[[0, 2]] == 0).all() for gradient in of_scores.values())


@pytest.mark.parametrize("training", [True, False])
def test_a_state_does_not_change_with_later_particles(model, training):
    """Whatever has no gradient, too."""
    model.train(training)
    other = typed_jets([12, 12, 12], seed=5)
    changed = {name: getattr(JETS, name).clone() for name in GROUPS}
    for name, value in changed.items():
        value[..., PLACE + 1 :] = 3 * getattr(other, name)[..., PLACE + 1 :]
    jets = replace(JETS, **changed)
    with torch.no_grad():
        before, after = model.causal_states(JETS), model.causal_states(jets)
        assert torch.allclose(before[:, : PLACE + 1], after[:, : PLACE + 1], atol=1e-6)
        assert not torch.allclose(before[:, PLACE + 1 :], after[:, PLACE + 1 :], atol=1e-2)
        same = torch.allclose(scores(model, JETS, before)[:, : PLACE + 2], scores(model, jets, after)[:, : PLACE + 2],
                              atol=1e-5)  # fmt: skip
    assert same == (model.known_totals is None)


@pytest.mark.parametrize("training", [True, False])
def test_a_shorter_jet_has_the_same_states(model, training):
    """Neither the number of later particles nor their padding tells anything."""
    model.train(training)
    short = replace(
        JETS, is_real=torch.arange(12) < torch.tensor([[8], [12], [10]]), num_real=torch.tensor([8, 12, 10])
    )
    order = short.by_length()
    with torch.no_grad():
        before = model.causal_states(JETS)
        after = model.causal_states(short.reordered(order))[order.argsort()]
    for jet, count in enumerate([8, 12, 10]):
        assert torch.allclose(before[jet, :count], after[jet, :count], atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_scores_from_decoded_particles_do_not_change_with_later_codes(training):
    model = moved(small_model(reads="decoded", running_totals=True, num_registers=3)).train(training)
    torch.manual_seed(3)
    codes = torch.randint(model.tokenizer.num_codes, (3, 12))
    changed = codes.clone()
    changed[:, PLACE + 1 :] = (codes[:, PLACE + 1 :] + 5) % model.tokenizer.num_codes
    with torch.no_grad():
        jets = [model.as_read(JETS, some, None) for some in (codes, changed)]
        before, after = (scores(model, some, model.causal_states(some)) for some in jets)
    assert torch.allclose(before[:, : PLACE + 2], after[:, : PLACE + 2], atol=1e-5)
    assert not torch.allclose(before[:, PLACE + 2 :], after[:, PLACE + 2 :], atol=1e-2)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("head_layers", [0, 2])
@pytest.mark.parametrize("totals", [False, True])
def test_scores_of_codes_do_not_change_with_later_codes(training, head_layers, totals):
    model = moved(small_model(backbone="ids", token_head_layers=head_layers, running_totals=totals)).train(training)
    torch.manual_seed(3)
    codes = torch.randint(64, (3, 12))
    changed = codes.clone()
    changed[:, PLACE + 1 :] = (codes[:, PLACE + 1 :] + 5) % 64
    shorter = codes.clone()
    shorter[:, PLACE + 1 :] = PADDING

    def all_scores(some: Tensor) -> Tensor:
        number = (some != PADDING).sum(dim=1)
        head = model.token_head
        return head.logits(head.states(model.states(some, number), number + 1))

    with torch.no_grad():
        before, after, short = (all_scores(some) for some in (codes, changed, shorter))
        assert torch.allclose(before[:, : PLACE + 2], after[:, : PLACE + 2], atol=1e-5)
        assert torch.allclose(before[:, : PLACE + 2], short[:, : PLACE + 2], atol=1e-5)
        assert not torch.allclose(before[:, PLACE + 2 :], after[:, PLACE + 2 :], atol=1e-2)
        first = codes.clone()
        first[:, 0] = (codes[:, 0] + 5) % 64
        assert not torch.allclose(before[:, 1:], all_scores(first)[:, 1:], atol=1e-2)
        assert torch.equal(before[:, 0], all_scores(first)[:, 0])
        free = model.id_encoder(codes, torch.full((3,), 12), is_causal=False)
        assert not torch.allclose(free[:, :5], model.id_encoder(codes, torch.full((3,), 12))[:, :5], atol=1e-2)


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_losses_of_the_first_tokens_do_not_change_with_later_particles(backbone):
    """From the inputs on, with a tokenizer that sees each particle alone."""
    model = moved(small_model(small_tokenizer(encoding="unconditional"), backbone=backbone, num_registers=2))
    other = typed_jets([12, 12, 12], seed=5)
    changed = {name: getattr(JETS, name).clone() for name in GROUPS}
    changed["points"][..., PLACE:] = other.points[..., PLACE:]
    changed["features"][..., PLACE:] = other.features[..., PLACE:]
    changed["vectors"][..., PLACE:] *= 0.9  # their order by pT stays
    summaries = []
    for jets in (JETS, replace(JETS, **changed)):
        model.start_validation()
        model.pretext_task(jets)
        summaries.append(model.token_head.summary(positions=tuple(range(13))))
    for place in range(13):
        before, after = (summary[f"loss_at_{place}"] for summary in summaries)
        assert (before == pytest.approx(after, abs=1e-5)) == (place < PLACE), place


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_the_order_of_the_particles_given_and_of_the_jets_changes_nothing(backbone):
    model = moved(small_model(backbone=backbone))
    jets = typed_jets([12, 3, 30])
    before = model.pretext_task(jets)
    shuffled = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    slots = torch.cat([shuffled[shuffled < 3], shuffled[shuffled >= 3]])
    slots = torch.stack([torch.tensor([s for s in slots.tolist() if s < n] + list(range(n, 30))) for n in (12, 3, 30)])
    moved_jets = replace(
        jets,
        **{name: getattr(jets, name).gather(2, slots.unsqueeze(1).expand_as(getattr(jets, name))) for name in GROUPS},
    )
    after = model.pretext_task(rows(moved_jets, [2, 0, 1]))
    assert torch.allclose(before.next.entropy, after.next.entropy, atol=1e-5)
    assert torch.allclose(before.embedding[[2, 0, 1]], after.embedding, atol=1e-5)


@pytest.mark.parametrize("registers", [0, 3])
@pytest.mark.parametrize("training", [True, False])
def test_masked_particles_reach_neither_context_nor_prediction(registers, training):
    model = small_model(masked_weight=1.0, composition_weight=1.0, next_weight=0.0, num_registers=registers)
    model = moved(model).train(training)
    model.masking = every_third
    jets = watched(JETS)
    output = model.pretext_task(jets)
    is_target = every_third(JETS).is_target
    found = gradients(output.masked.entropy + output.composition, jets)
    for name in GROUPS:
        at_masked = found[name].transpose(1, 2)[is_target]
        assert (at_masked == 0).all(), name
    at_context = found["features"].transpose(1, 2)[~is_target]
    assert (at_context != 0).any(dim=1).all()


@pytest.mark.parametrize("training", [True, False])
def test_the_masked_pass_does_without_features_that_the_student_is_to_lose(training):
    model = small_model(masked_weight=1.0, next_weight=0.0, num_registers=3, student_drops_identity=1.0)
    model = moved(model).train(training)
    jets = watched(JETS)
    gradient = gradients(model.pretext_task(jets).masked.entropy, jets)["features"]
    assert (gradient[:, model.columns.identity] == 0).all() == training
    assert (gradient[:, model.columns.continuous] != 0).any()


def test_the_context_does_not_change_with_masked_particles():
    model = moved(small_model(masked_weight=1.0, next_weight=0.0, num_registers=3)).train()
    model.masking = every_third
    is_target = every_third(JETS).is_target.unsqueeze(1)
    other = typed_jets([12, 12, 12], seed=5)
    features = torch.where(is_target, other.features, JETS.features)
    vectors = torch.where(is_target, JETS.vectors * 0.999, JETS.vectors)
    with torch.no_grad():
        before = model.pretext_task(JETS).embedding
        after = model.pretext_task(replace(JETS, features=features, vectors=vectors)).embedding
    assert torch.allclose(before, after, atol=1e-6)


def test_masked_losses_are_those_of_the_masked_codes():
    """With a head that gives every jet the same scores."""
    model = moved(small_model(masked_weight=1.0))
    model.masking = every_third
    with torch.no_grad():
        model.to_masked_codes.weight.zero_()
        chance = model.to_masked_codes.bias.log_softmax(dim=0)
    jets = typed_jets([12, 3, 30, 1])
    codes = model.tokenizer.codes(jets)[every_third(jets).is_target]
    losses = model.pretext_task(jets).masked
    assert losses.entropy.item() == pytest.approx(-float(chance[codes].mean()), rel=1e-5)
    assert losses.accuracy.item() == pytest.approx(float((codes == chance.argmax()).float().mean()))


@pytest.mark.parametrize("kinds", ["codes", "clusters"])
def test_the_composition_is_that_of_the_masked_particles_of_each_jet(kinds):
    """With a tokenizer that looks at single particles, a masked particle has the same code by itself."""
    tokenizer = small_tokenizer(encoding="unconditional")
    options = {"next_weight": 0.0, "composition_weight": 1.0, "composition_of": kinds}
    model = moved(small_model(tokenizer, **options)).eval()
    model.masking = every_third
    jets = typed_jets([12, 3, 30, 1])
    masks = every_third(jets)
    context = jets.gather(masks.is_context, masks.num_context)
    hidden = jets.gather(masks.is_target, masks.num_target)
    chances = model.to_composition(model.context_encoder(context).mean_token()).log_softmax(dim=1)
    wanted = model.tokenizer.codes(hidden) if kinds == "codes" else model.particle_statistics.clusters(hidden.features)
    each = -chances.gather(1, wanted.clamp(min=0))
    assert model.pretext_task(jets).composition.item() == pytest.approx(each[hidden.is_real].mean().item(), rel=1e-5)
