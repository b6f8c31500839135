from dataclasses import replace

import pytest
import torch
import torch.distributed as dist
from torch import nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.model.encoder import ParTEncoder
from hepjepa_weaver.objectives.masked.masking import Masks
from tests.helpers.compiler_warnings import compiler_may_warn
from tests.helpers.data_configs import COLUMNS
from tests.helpers.networks import DEFAULTS, small_jepa, small_loss, small_mpm
from tests.helpers.symmetry import padded, permuted, with_other_particles
from tests.helpers.toy_jets import random_jets, weaver_inputs

MULTIPLICITIES = [1, 2, 3, 17, 40, 25]
COMPOSITION = {"particle_weight": 0.0, "composition_weight": 1.0}
"""What the default predicts, beside the whole jet."""
OPTIONS = [
    DEFAULTS,
    {"event_target": "latent"},
    {"event_latent": "mean"},
    {"tokens": "patches", "num_patches": 8, "patch_size": 4},
    {"tokens": "patches", "num_patches": 8, "patch_size": 0},
    {"num_registers": 2, "layer_scale": False},
    {"pair_bias": False, "predictor_pair_bias": True},
    {"target_layers": "last", "target_norm": "none"},
    {"target_layers": "blocks", "target_norm": "batch", "loss_on": "all"},
    {"regression_weight": 1.0},
    {"koleo_weight": 1.0, "sigreg_weight": 1.0, "variance_weight": 1.0, "covariance_weight": 1.0},
    {"rotate": True, "reflect": True, "smear": 0.1, "split": 0.2, "drop": 0.2},
    {"student_drops_identity": 0.5, "student_drops_displacement": 0.5},
    {"target_removes": "inputs_and_jet"},
]
"""Each part of the method that is off by default, on by itself."""


def fixed_masks(jets) -> Masks:
    """Every third particle is hidden; jets of one particle hide none."""
    third = torch.arange(jets.is_real.size(1)) % 3 == 1
    is_context, is_target = jets.is_real & ~third, jets.is_real & third
    return Masks(is_context, is_target, is_context.sum(dim=1), is_target.sum(dim=1))


def moved_masks(masks: Masks, order: torch.Tensor) -> Masks:
    """The same particles hidden after the slots have been put in another `order`."""
    return replace(masks, is_context=masks.is_context.gather(1, order), is_target=masks.is_target.gather(1, order))


def context_of(jets) -> Jets:
    masks = fixed_masks(jets)
    return jets.gather(masks.is_context, masks.num_context)


def jepa_with_fixed_masks(**options):
    model = small_jepa(**options)
    model.masking = fixed_masks
    return model


@pytest.mark.parametrize("strategy", ["contiguous", "ball", "random"])
@pytest.mark.parametrize("multiplicities", [MULTIPLICITIES, [1, 1, 1], [2, 3], [0, 5]])
def test_loss_and_gradients_are_finite(strategy, multiplicities):
    model = small_jepa(mask_strategy=strategy).train()
    losses = small_loss()(model(*weaver_inputs(random_jets(multiplicities))))
    losses.total.backward()
    assert torch.isfinite(losses.total)
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("options", [{}, {"event_weight": 0.0}, {"mask_token_knows": "position"}, *OPTIONS])
@pytest.mark.parametrize("multiplicities", [MULTIPLICITIES, [1, 1]])
def test_every_trained_parameter_gets_a_gradient_and_the_target_encoder_none(options, multiplicities):
    model = small_jepa(**options).train()
    small_loss(**options)(model(*weaver_inputs(random_jets(multiplicities)))).total.backward()
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []  # DDP refuses parameters without gradient
    assert all(p.grad is None and not p.requires_grad for p in model.target_encoder.parameters())


def test_hidden_particles_do_not_leak_into_the_context_even_in_training():
    jets = random_jets(MULTIPLICITIES)
    other = with_other_particles(jets, fixed_masks(jets).is_target)
    encoder = small_jepa().context_encoder.train()
    original, changed = (encoder(context_of(x)) for x in (jets, other))
    assert not torch.equal(jets.features, other.features)
    assert torch.equal(original.tokens, changed.tokens)
    assert torch.equal(original.latent, changed.latent)


@pytest.mark.parametrize("knows", ["position", "nothing"])
def test_hidden_particles_do_not_leak_into_the_prediction(knows):
    jets = random_jets(MULTIPLICITIES)
    other = with_other_particles(jets, fixed_masks(jets).is_target)
    model = jepa_with_fixed_masks(mask_token_knows=knows).train()
    original, changed = model.pretext_task(jets), model.pretext_task(other)
    assert torch.equal(original.predicted_tokens, changed.predicted_tokens)
    assert torch.equal(original.predicted_latent, changed.predicted_latent)
    assert not torch.allclose(original.target_tokens, changed.target_tokens)


def test_without_a_loss_of_particles_none_is_predicted_and_none_leaks_into_what_is():
    jets = random_jets(MULTIPLICITIES)
    other = with_other_particles(jets, fixed_masks(jets).is_target)
    model = jepa_with_fixed_masks(particle_weight=0.0).train()
    original, changed = model.pretext_task(jets), model.pretext_task(other)
    assert original.predicted_tokens is original.target_tokens is None
    assert set(small_loss(particle_weight=0.0)(original).terms) == {"event"}
    assert not [name for name, _ in model.named_parameters() if "mask_token" in name or "to_embedding" in name]
    assert torch.equal(original.predicted_latent, changed.predicted_latent)
    assert not torch.allclose(original.target_latent, changed.target_latent)
    assert model.spreads(original)["target_std"] > 0.05


@pytest.mark.parametrize("embedding", ["mean", "class"])
def test_embedding_ignores_order_and_padding(embedding):
    model = small_jepa(embedding=embedding).eval()
    jets = random_jets(MULTIPLICITIES)
    expected = model(*weaver_inputs(jets))
    assert expected.shape == (6, 16)
    for changed in (permuted(jets, padding_too=True)[0], padded(jets, 5, wrap=True), padded(jets, 5, wrap=False)):
        assert torch.allclose(model(*weaver_inputs(changed)), expected, atol=1e-5)


@pytest.mark.parametrize("embedding", ["mean", "class"])
def test_embeddings_of_a_step_are_in_the_order_of_the_batch(embedding):
    model = small_jepa(embedding=embedding).eval()
    jets = random_jets(MULTIPLICITIES)
    expected = torch.cat([model(*(group[i : i + 1] for group in weaver_inputs(jets))) for i in range(6)])
    assert torch.allclose(model.pretext_task(jets).embedding, expected, atol=1e-5)
    assert torch.allclose(model(*weaver_inputs(jets)), expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, COMPOSITION], ids=["particles", "composition"])
def test_loss_in_eval_mode_ignores_padding(options):
    model = jepa_with_fixed_masks(**options).eval()
    jets = random_jets([2, 3, 17, 40])
    loss = small_loss(**options)
    wanted = loss(model.pretext_task(jets)).total
    assert torch.allclose(loss(model.pretext_task(padded(jets, 6, wrap=True))).total, wanted, atol=1e-6)


def test_event_weight_counts():
    output = small_jepa().train()(*weaver_inputs(random_jets(MULTIPLICITIES)))
    losses = [small_loss(event_weight=weight)(output) for weight in (1.0, 3.0)]
    assert torch.isclose(losses[1].total - losses[0].total, 2 * losses[0].terms["event"])
    without = small_loss()(replace(output, predicted_latent=None, target_latent=None))
    assert set(without.terms) == {"particle"}


def test_targets_are_layer_normed_embeddings_of_the_whole_jet():
    model = jepa_with_fixed_masks(target_layers="last", target_norm="layer").train()
    jets = random_jets([7])
    tokens = model.target_encoder(jets).tokens[:, [1, 4]]
    expected = nn.functional.layer_norm(tokens, (16,))
    assert torch.allclose(model.pretext_task(jets).target_tokens, expected, atol=1e-6)


def test_targets_are_standardised_over_the_hidden_particles_of_the_batch():
    output = jepa_with_fixed_masks(target_norm="batch").train().pretext_task(random_jets(MULTIPLICITIES))
    targets = output.target_tokens[output.is_target]
    assert torch.allclose(targets.mean(dim=0), torch.zeros(16), atol=1e-5)
    assert torch.allclose(targets.std(dim=0, correction=0), torch.ones(16), atol=1e-2)


@pytest.mark.parametrize(("layers", "first"), [("blocks", 1), ("blocks_and_input", 0)])
def test_targets_are_means_over_layer_normed_layers(layers, first):
    model = jepa_with_fixed_masks(target_layers=layers, target_norm="none").train()
    jets = random_jets([7])
    mod = model.target_encoder.mod
    outputs = [mod.embed(jets.features)]
    bias = mod.pair_embed(jets.vectors, mask=jets.is_real.unsqueeze(1))
    for block in mod.blocks:
        outputs.append(block(outputs[-1], padding_mask=~jets.is_real, attn_mask=bias))
    expected = torch.stack([nn.functional.layer_norm(x, (16,)) for x in outputs[first:]]).mean(dim=0)
    output = model.pretext_task(jets)
    assert torch.allclose(output.target_tokens, expected[:, [1, 4]], atol=1e-5)
    assert torch.allclose(output.target_latent, expected.mean(dim=1), atol=1e-5)


def test_the_event_target_is_the_latent_of_the_whole_jet_or_what_it_is_made_of():
    jets = random_jets(MULTIPLICITIES[:4])
    order = jets.by_length()
    for options, wanted in (
        ({"event_target": "latent"}, lambda whole: whole.latent),
        ({"event_target": "latent", "event_latent": "mean"}, lambda whole: whole.mean_token()),
        ({"event_target": "tokens", "target_layers": "last"}, lambda whole: whole.mean_token()),
    ):
        model = jepa_with_fixed_masks(target_norm="none", **options).train()
        expected = wanted(ParTEncoder.forward(small_jepa(event_weight=1.0).target_encoder, jets.reordered(order)))
        assert torch.allclose(model.pretext_task(jets).target_latent, expected, atol=1e-5)


def test_with_a_loss_on_all_the_context_is_asked_for_too():
    hidden, everything = (jepa_with_fixed_masks(loss_on=on).train() for on in ("hidden", "all"))
    jets = random_jets([7, 1])
    asked = everything.pretext_task(jets)
    assert asked.is_target.sum(dim=1).tolist() == [7, 1]
    assert hidden.pretext_task(jets).is_target.sum(dim=1).tolist() == [2, 0]
    assert asked.predicted_tokens.shape == asked.target_tokens.shape


def test_every_answer_is_compared_with_its_own_particle():
    """In whatever order the particles come, the same answers belong to the same targets."""
    jets = random_jets([9])
    moved, order = permuted(jets)
    model = small_jepa(loss_on="all").eval()
    answers = []
    for batch, masks in ((jets, fixed_masks(jets)), (moved, moved_masks(fixed_masks(jets), order))):
        model.masking = lambda _, masks=masks: masks
        output = model.pretext_task(batch)
        pairs = torch.cat([output.predicted_tokens, output.target_tokens], dim=2)[output.is_target]
        answers.append(pairs[pairs[:, -1].argsort()])
    assert torch.allclose(*answers, atol=1e-4)
    misplaced = answers[0].clone()
    misplaced[:, :16] = answers[0][:, :16].roll(1, dims=0)
    assert not torch.allclose(misplaced, answers[1], atol=1e-2)


@pytest.mark.parametrize(("features", "missing"), [("full", 0), ("kinpid", 1), ("kin", 2)])
def test_features_that_the_student_cannot_lose_are_named(features, missing, caplog):
    small_jepa(features=features, student_drops_identity=0.5, student_drops_displacement=0.5)
    assert caplog.text.count("has no effect: the data config has no such features") == missing


@pytest.mark.parametrize("kind", ["identity", "displacement"])
@pytest.mark.parametrize("who", ["student", "both"])
def test_encoders_are_not_shown_what_they_are_to_do_without(who, kind):
    option = f"student_drops_{kind}" if who == "student" else f"drop_{kind}"
    model, jets = jepa_with_fixed_masks(**{option: 1.0}).train(), random_jets(MULTIPLICITIES)
    other = random_jets(MULTIPLICITIES)
    other.features[:, getattr(COLUMNS["full"], kind)] += 1.0
    outputs = []
    for batch in (jets, other):
        torch.manual_seed(0)
        outputs.append(model.pretext_task(batch))
    assert torch.equal(outputs[0].predicted_tokens, outputs[1].predicted_tokens)
    assert torch.allclose(outputs[0].encoded_tokens, outputs[1].encoded_tokens) == (who == "both")


@pytest.mark.parametrize("name", ["particle", "event", "koleo", "sigreg", "variance", "covariance"])
def test_every_weight_counts(name):
    output = small_jepa().train()(*weaver_inputs(random_jets(MULTIPLICITIES)))
    weight = f"{name}_weight"
    torch.manual_seed(0)
    one = small_loss(**{weight: 1.0})(output)
    torch.manual_seed(0)
    three = small_loss(**{weight: 3.0})(output)
    assert torch.isclose(three.total - one.total, 2 * one.terms[name], atol=1e-5)


def test_the_weights_of_the_regression_count():
    output = small_jepa(regression_weight=1.0).train()(*weaver_inputs(random_jets(MULTIPLICITIES)))
    plain, features = small_loss()(replace(output, features=None)).total, output.features
    for weight, identity_weight in ((1.0, 0.5), (3.0, 0.5), (1.0, 2.0)):
        total = small_loss(regression_weight=weight, identity_weight=identity_weight)(output).total
        wanted = plain + weight * (features.regression + identity_weight * features.identity)
        assert torch.isclose(total, wanted, atol=1e-5)


@pytest.mark.parametrize("beta", [0.1, 2.0])
def test_beta_says_where_the_loss_becomes_linear(beta):
    output = small_jepa().train()(*weaver_inputs(random_jets([9, 9])))
    parts = small_loss(smooth_l1_beta=beta)(output).terms
    pairs = {
        "particle": (output.predicted_tokens[output.is_target], output.target_tokens[output.is_target]),
        "event": (output.predicted_latent, output.target_latent),
    }
    for name, (predicted, target) in pairs.items():
        assert torch.isclose(parts[name], nn.functional.smooth_l1_loss(predicted, target, beta=beta)), name


def test_the_encoder_that_is_asked_for_gives_the_embeddings():
    inputs = weaver_inputs(random_jets(MULTIPLICITIES))
    for name in ("target", "context"):
        model = small_jepa(embed_with=name).eval()
        with torch.no_grad():
            model.context_encoder.mod.blocks[0].fc1.weight.add_(1.0)
        encoder = model.target_encoder if name == "target" else model.context_encoder
        jets = model.reader(*inputs)
        assert torch.allclose(model(*inputs), encoder(jets).mean_token(), atol=1e-5), name


def test_target_encoder_stays_in_eval_mode():
    model = small_jepa().train()
    assert model.context_encoder.training
    assert not model.target_encoder.training


def test_target_encoder_follows_the_context_encoder_and_the_step_is_kept():
    model = small_jepa(ema_start=0.5, ema_end=1.0)
    weight = model.context_encoder.mod.blocks[0].fc1.weight
    start = model.target_encoder.mod.blocks[0].fc1.weight.clone()
    with torch.no_grad():
        weight.add_(1.0)
    model.after_optimizer_step(step=1, total_steps=4)
    momentum = 0.5 + 0.5 / 4
    assert torch.allclose(model.target_encoder.mod.blocks[0].fc1.weight, start + (1 - momentum), atol=1e-6)
    state = model.state_dict()
    assert state["step"] == 1
    assert state["ema_momentum"].item() == pytest.approx(momentum)


def test_regularisers_are_computed_in_single_precision():
    """In bfloat16 embeddings that are close to each other have no nearest neighbours."""
    model = small_jepa().train()
    output = model.pretext_task(random_jets([10] * 64))
    close = replace(output, context_embedding=1 + 0.05 * torch.randn(64, 16))
    loss = small_loss(koleo_weight=0.1, covariance_weight=0.1)
    expected = loss(close).terms
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(close).terms
    for name in ("koleo", "covariance"):
        assert torch.equal(found[name], expected[name]), name


def test_spreads_tell_a_collapsed_encoder_from_a_living_one():
    model = small_jepa().train()
    jets = random_jets([10] * 32)
    output = model.pretext_task(jets)
    one_vector = torch.ones(32, 16)
    dead = replace(
        output,
        encoded_tokens=torch.ones_like(output.encoded_tokens),
        encoded_latent=one_vector,
        context_embedding=one_vector,
        embedding=one_vector,
    )
    alive, collapsed = ({**model.ranks(some), **model.spreads(some)} for some in (output, dead))
    assert set(alive) == set(model.collapse.names)
    for name in ("target_std", "event_target_std", "context_std"):
        assert alive[name] > 0.05
        assert collapsed[name] == 0
    for name in ("effective_rank", "context_rank"):
        assert alive[name] > 2
        assert collapsed[name] == 1


def test_a_run_that_starts_from_another_ones_weights_has_its_own_step():
    old, new = small_jepa(), small_jepa(seed=1)
    old.after_optimizer_step(step=1000, total_steps=1000)
    new.load_state_dict(old.state_dict(), strict=False)
    assert new.step == 0
    assert new.ema_momentum == small_jepa().ema_momentum
    assert torch.equal(new.predictor.mask_token, old.predictor.mask_token)
    resumed = small_jepa(seed=1)
    resumed.load_state_dict(old.state_dict())
    assert resumed.step == 1000


def test_weights_of_something_else_are_refused():
    with pytest.raises(UserError, match="no weight of the checkpoint"):
        small_jepa().load_state_dict({"mod.embed.weight": torch.zeros(3)}, strict=False)
    with pytest.raises(UserError, match=r"lacks .* first context_encoder\.mod\.blocks\.2"):
        small_jepa(num_layers=3).load_state_dict(small_jepa().state_dict(), strict=False)


def test_started_from_masked_particle_modelling_both_encoders_have_its_weights():
    mpm, jepa = small_mpm(), small_jepa(seed=1)
    jepa.load_state_dict(mpm.state_dict(), strict=False)
    for name, weight in mpm.context_encoder.state_dict().items():
        assert torch.equal(jepa.context_encoder.state_dict()[name], weight)
        assert torch.equal(jepa.target_encoder.state_dict()[name], weight)


@pytest.mark.slow
@compiler_may_warn
def test_a_compiled_step_with_dropout_runs():
    model = small_jepa(dropout=0.1).train()
    compiled = torch.compile(model, backend="aot_eager")
    total = small_loss()(compiled(*weaver_inputs(random_jets([5, 9])))).total
    total.backward()
    assert torch.isfinite(total)
    assert model.context_encoder.mod.blocks[0].fc1.weight.grad.abs().sum() > 0


@pytest.mark.slow
@compiler_may_warn
def test_compiled_equals_eager():
    model = jepa_with_fixed_masks().train()
    loss = small_loss()
    compiled = torch.compile(model, backend="aot_eager")
    for multiplicities in ([5, 9], [12, 3]):
        inputs = weaver_inputs(random_jets(multiplicities))
        gradients = []
        for network in (model, compiled):
            model.zero_grad()
            loss(network(*inputs)).total.backward()
            gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.requires_grad]))
        assert torch.allclose(*gradients, atol=1e-5)


@pytest.mark.parametrize("options", [{"event_weight": 0.0}, {}, COMPOSITION], ids=str)
def test_ddp_finds_a_gradient_for_every_parameter(tmp_path, options):
    """One process of weaver's `--backend`; DDP raises in the second step if a parameter got no gradient."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        model = small_jepa(**options).train()
        parallel = nn.parallel.DistributedDataParallel(model, find_unused_parameters=False)
        loss = small_loss(**options)
        for seed in range(3):
            loss(parallel(*weaver_inputs(random_jets(MULTIPLICITIES, seed=seed)))).total.backward()
    finally:
        dist.destroy_process_group()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
