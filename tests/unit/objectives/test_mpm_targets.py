"""Every target and mask of masked particle modelling: what reaches what, and what breaks the order of particles."""

from dataclasses import replace

import pytest
import torch

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.mpm import MpmLoss
from hepjepa_weaver.particle_transformer.pairs import real_pairs
from tests.helpers.messages import naming
from tests.helpers.networks import mpm_config, small_mpm
from tests.helpers.statistics import small_statistics
from tests.helpers.symmetry import permuted
from tests.helpers.tokens import small_tokenizer
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([30, 3, 49, 1, 17, 2], seed=4)
NONE = {"regression_weight": 0.0, "identity_weight": 0.0}
TARGETS = {
    "regression": {"identity_weight": 0.0},
    "identity": {"regression_weight": 0.0},
    "token": {**NONE, "token_weight": 1.0, "token_smoothing": 0.05},
    "cluster": {**NONE, "cluster_weight": 1.0},
    "composition": {**NONE, "composition_weight": 1.0},
    "flow": {**NONE, "flow_weight": 1.0, "flow_layers": 2},
    "flow_matching": {**NONE, "flow_matching_weight": 1.0},
    "set_flow": {**NONE, "set_flow_weight": 1.0},
    "normal": {"target_scale": "normal", "flow_weight": 1.0, "flow_layers": 2},
    "all": {f"{name}_weight": 1.0 for name in ("token", "cluster", "flow", "flow_matching", "set_flow")},
}
MASKS = {
    "dropped": {},
    "replaced": {"masked_input": "replaced"},
    "ranks": {"masked_input": "replaced", "pt_ranks": True, "num_registers": 2},
    "head": {"masked_input": "replaced", "mask_token_knows": "jet_rank"},
}


def files_of(options):
    config = mpm_config(**options)
    tokenizer = small_tokenizer(encoding="causal").requires_grad_(False) if config.targets.token_weight else None
    return tokenizer, small_statistics() if config.needs_statistics else None


def model_of(**options):
    return small_mpm(files=files_of(options), **options)


def step(model, options, jets=JETS, seed=0):
    torch.manual_seed(seed)
    return MpmLoss(mpm_config(**options).targets)(model.task(*weaver_inputs(jets)))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_trained_parameter_gets_a_finite_gradient(target, mask):
    options = {**TARGETS[target], **MASKS[mask]}
    model = model_of(**options).train()
    for jets in (JETS, typed_jets([1, 1, 1])):
        model.zero_grad()
        losses = step(model, options, jets)
        losses.total.backward()
        assert losses.total.isfinite()
        bad = [name for name, p in model.named_parameters()
               if p.requires_grad and (p.grad is None or not p.grad.isfinite().all())]  # fmt: skip
        assert bad == []
    wanted = {"normal": {"regression", "identity", "flow"}}.get(target, {target} if target != "all" else set())
    assert wanted <= set(losses.terms)
    if target not in ("all", "normal"):
        assert {name.removesuffix("_accuracy") for name in losses.terms} == {target}


@pytest.mark.parametrize("target", TARGETS)
def test_learning_lowers_the_loss(target):
    options = TARGETS[target]
    model, totals = model_of(**options).train(), []
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    for number in range(40):
        opt.zero_grad()
        total = step(model, options, seed=number % 4).total
        total.backward()
        opt.step()
        totals.append(total.item())
    first, last = sum(totals[:4]), sum(totals[-4:])
    assert last < first - 0.02 * abs(first)


def seen_by(model, jets, view_of):
    """Outputs of encoder and predictor for the jets, with the masks that `view_of` had."""
    found = {}
    handles = [
        model.context_encoder.register_forward_hook(lambda *call: found.update(encoded=call[2])),
        model.predictor.register_forward_hook(lambda *call: found.update(states=call[2].hidden)),
    ]
    torch.manual_seed(3)
    model.pretext_task(jets)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize("mask", MASKS)
def test_nothing_of_masked_particles_reaches_encoder_and_predictor_but_their_order(mask):
    model = model_of(**MASKS[mask]).train()
    torch.manual_seed(3)
    view = model.hide(JETS)
    hidden = view.masks.is_target[view.order.argsort()].unsqueeze(1)
    factor = 1.0 if mask in ("ranks", "head") else 1.5  # these may know the order of all pT
    changed = replace(
        JETS,
        points=torch.where(hidden, JETS.points + 0.3, JETS.points),
        features=torch.where(hidden, 2 * JETS.features + 1, JETS.features),
        vectors=torch.where(hidden, factor * JETS.vectors, JETS.vectors),
    )
    for name, one in (before := seen_by(model, JETS, view)).items():
        other = seen_by(model, changed, view)[name]
        for ours, theirs in ((one, other),) if name == "states" else tokens_of(one, other):
            assert torch.equal(ours, theirs), name
    assert before["states"].isfinite().all()


def tokens_of(one, other):
    pairs = [(one.tokens, other.tokens)]
    return pairs if one.masked is None else [*pairs, (one.masked, other.masked)]


def test_a_replaced_particle_is_one_vector_whatever_it_was():
    """With neither ranks nor positions all masked particles of a jet have the same token."""
    model = model_of(masked_input="replaced", mask_token_knows="nothing").eval()
    view = model.hide(JETS)
    masked = model.encoded_context(view).masked
    real = view.hidden.is_real
    assert int(real[0].sum()) > 10
    torch.testing.assert_close(masked[0, real[0]], masked[0, :1].expand(int(real[0].sum()), -1), atol=1e-5, rtol=1e-5)
    with_ranks = model_of(masked_input="replaced", pt_ranks=True).eval()
    masked = with_ranks.encoded_context(with_ranks.hide(JETS)).masked
    assert (masked[0, 1] - masked[0, 0]).abs().max() > 1e-3


def test_replaced_particles_are_seen_by_the_others():
    model = model_of(masked_input="replaced").eval()
    view = model.hide(JETS)
    before = model.encoded_context(view).tokens
    with torch.no_grad():
        model.mask_vector.add_(torch.randn_like(model.mask_vector))
    assert (model.encoded_context(view).tokens - before).abs().max() > 1e-3


def test_a_jet_is_encoded_alike_alone_and_among_others():
    model = model_of(masked_input="replaced", pt_ranks=True, num_registers=2).eval()
    torch.manual_seed(1)
    view = model.hide(JETS)
    together = model.encoded_context(view)
    for place in range(len(JETS.num_real)):
        alone = one_of(view, place)
        found = model.encoded_context(alone)
        seen, hidden = int(view.context.num_real[place]), int(view.hidden.num_real[place])
        torch.testing.assert_close(found.tokens[0, :seen], together.tokens[place, :seen], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found.masked[0, :hidden], together.masked[place, :hidden], atol=1e-5, rtol=1e-4)


def one_of(view, place):
    def row(jets: Jets) -> Jets:
        only = torch.tensor([place])
        return jets.reordered(only).trimmed(max(int(jets.num_real[place]), 1))

    context = row(view.context)
    return replace(view, context=context, context_pairs=real_pairs(context), hidden=row(view.hidden))


@pytest.mark.parametrize("has_ranks", [False, True])
def test_embeddings_keep_the_symmetry_unless_ranks_break_it(has_ranks):
    """Ranks follow pT: the order of the slots does not matter, that of the momenta does."""
    model = model_of(pt_ranks=has_ranks).eval()
    embedding = model.embed(JETS)
    torch.testing.assert_close(model.embed(permuted(JETS)[0]), embedding, atol=1e-5, rtol=1e-4)
    if has_ranks:
        with torch.no_grad():
            model.context_encoder.rank.embed.weight.copy_(model.context_encoder.rank.embed.weight.flip(0))
        assert (model.embed(JETS) - embedding).abs().max() > 1e-3


@pytest.mark.parametrize(("knows", "breaks"), [("nothing", False), ("pt_rank", True), ("jet_rank", True)])
def test_only_ranks_tell_masked_particles_apart(knows, breaks):
    model = model_of(mask_token_knows=knows).eval()
    view = model.hide(JETS)
    states = model.predictor(model.encoded_context(view), view).hidden
    real = view.hidden.is_real[0]
    differ = (states[0, real] - states[0, :1]).abs().max() > 1e-4
    assert bool(differ) == breaks


def test_flow_matching_of_a_set_knows_no_order_among_its_particles(monkeypatch):
    options = {**NONE, "set_flow_weight": 1.0}
    model = model_of(**options).eval()
    view = model.hide(JETS)
    context = model.encoded_context(view)
    hidden, order = permuted(view.hidden)
    values = view.hidden.features[:, model.targets.places].transpose(1, 2)
    noise = torch.randn_like(values)
    index = order.unsqueeze(2).expand_as(values)
    losses = []
    for of_view, of_values, of_noise in (
        (view, values, noise), (replace(view, hidden=hidden), values.gather(1, index), noise.gather(1, index)),
    ):  # fmt: skip
        monkeypatch.setattr(torch, "randn_like", lambda _, drawn=of_noise: drawn)
        torch.manual_seed(0)
        losses.append(float(model.targets.set_flow(context, of_view, of_values).detach()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (NONE, ("regression_weight", "above 0")),
        ({"tokenizer": "a.pt"}, ("tokenizer", "a.pt", "token_weight")),
        ({"particle_statistics": "a.pt"}, ("particle_statistics", "a.pt", "cluster_weight")),
        ({"masked_input": "replaced", "context_ratio": (0.5, 0.7)}, ("context_ratio", "replaced")),
        ({"masked_input": "replaced", "turn_context": True, "rotate": True}, ("turn_context", "replaced")),
        ({"tokens": "patches"}, ("tokens", "particles")),
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused(options, wanted):
    with pytest.raises(UserError, match=naming(*wanted)):
        mpm_config(**options)


def test_particle_types_alone_need_a_data_config_with_them():
    with pytest.raises(UserError, match=naming("identity_weight", "part_charge")):
        small_mpm(features="kin", regression_weight=0.0)


@pytest.mark.parametrize("preset", ["paper", "v2"])
def test_presets_are_those_of_the_papers(preset):
    config = mpm_config(preset=preset)
    if preset == "paper":
        assert (config.masked.masked_input, config.masking.target_ratio) == ("replaced", (0.3, 0.3))
        assert (config.targets.token_weight, config.targets.regression_weight) == (1.0, 0.0)
    else:
        assert (config.masked.masked_input, config.masking.target_ratio) == ("dropped", (0.4, 0.4))
        assert (config.targets.cluster_weight, config.targets.identity_weight) == (1.0, 0.3)
        assert config.tokens.num_registers == 8


@pytest.mark.parametrize("target", ["token", "cluster", "composition"])
@pytest.mark.parametrize("same", [True, False])
def test_a_head_for_other_codes_or_clusters_starts_anew(target, same):
    options = TARGETS[target]
    first, second = model_of(**options), model_of(**options, seed=1)
    if not same:
        kinds = second.tokenizer if target == "token" else second.particle_statistics
        next(value for value in kinds.state_dict().values() if value.is_floating_point()).add_(1)
    head = {"token": "to_codes", "cluster": "to_clusters", "composition": "to_composition"}[target]
    before = getattr(second.targets, head).weight.clone()
    second.load_state_dict(first.state_dict(), strict=False)
    wanted = getattr(first.targets, head).weight if same else before
    assert torch.equal(getattr(second.targets, head).weight, wanted)


def test_the_head_of_an_older_checkpoint_is_found():
    model, other = small_mpm(), small_mpm(seed=1)
    old = {name.replace("targets.features.", "feature_head."): value for name, value in model.state_dict().items()}
    other.load_state_dict(old)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
