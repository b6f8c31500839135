"""Next-token models as the loop of training sees them."""

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.masked.code_losses import CodeLosses
from hepjepa_weaver.objectives.next_token.objective import NextTokenLoss, NextTokenOutput
from hepjepa_weaver.objectives.next_token.of_features import massless
from tests.helpers.messages import naming
from tests.helpers.networks import small_jepa
from tests.helpers.tokens import (
    model_options,
    moved,
    rows,
    small_model,
    small_tokenizer,
    without_particles,
)
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([30, 3, 49, 1, 17])
OPTIONS = [
    {"backbone": "ids"},
    {"backbone": "ids", "token_head_layers": 0},
    {"backbone": "ids", "running_totals": True, "jet_totals": "given"},
    {"num_registers": 3},
    {"num_registers": 3, "jet_totals": "given"},
    {"reads": "decoded", "running_totals": True},
    {"masked_weight": 1.0, "num_registers": 3},
    {"masked_weight": 1.0, "next_weight": 0.0},
    {"composition_weight": 1.0, "num_registers": 3},
    {"composition_weight": 1.0, "next_weight": 0.0},
    {"composition_weight": 1.0, "composition_of": "clusters", "num_registers": 3},
]


def losses(value: float) -> CodeLosses:
    return CodeLosses(torch.tensor(value), torch.tensor(value / 10))


def test_the_loss_is_the_weighted_sum_of_those_that_there_are():
    loss = NextTokenLoss(model_options(next_weight=2.0, masked_weight=3.0, composition_weight=7.0))
    found = loss(NextTokenOutput(torch.zeros(1, 1), losses(4.0), losses(5.0), torch.tensor(6.0)))
    assert found.total == 2 * 4 + 3 * 5 + 7 * 6
    terms = {name: round(float(value), 4) for name, value in found.terms.items()}
    assert terms == {"next": 4.0, "masked": 5.0, "composition": 6.0, "next_accuracy": 0.4, "masked_accuracy": 0.5}
    assert set(loss(NextTokenOutput(torch.zeros(1, 1), losses(4.0))).terms) == {"next", "next_accuracy"}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_step_reaches_every_weight_that_is_trained_and_no_other(options):
    model = small_model(**options).train()
    assert not model.tokenizer.training
    NextTokenLoss(model_options(**options))(model(*weaver_inputs(JETS))).total.backward()
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == [], "DDP refuses them"
    assert not any(p.requires_grad for p in model.tokenizer.parameters())


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_model_learns_and_its_tokenizer_stays(options):
    model, loss = small_model(**options).train(), NextTokenLoss(model_options(**options))
    before = {name: value.clone() for name, value in model.tokenizer.state_dict().items()}
    opt = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    found = []
    for step in range(30):
        torch.manual_seed(step)
        terms = loss(model(*weaver_inputs(JETS)))
        opt.zero_grad()
        terms.total.backward()
        opt.step()
        model.after_optimizer_step(step + 1, 30)
        found.append(terms.total.item())
    assert sum(found[-5:]) < 0.9 * sum(found[:5])
    assert all(torch.equal(value, before[name]) for name, value in model.tokenizer.state_dict().items())
    model.eval().start_validation()
    assert not model.validation_summary()
    with torch.no_grad():
        model.task(*weaver_inputs(JETS))
    assert bool(model.validation_summary()) == (options.get("next_weight") != 0.0)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_predictions_are_embeddings_of_whole_jets_in_their_order(options):
    model = moved(small_model(**options))
    with torch.no_grad():
        found = model(*weaver_inputs(JETS))
        assert found.shape == (5, 16)
        assert torch.isfinite(found).all()
        alone = torch.cat([model(*weaver_inputs(typed_jets_row(place))) for place in range(5)])
        assert torch.allclose(found, alone, atol=1e-4)
        validated = model.task(*weaver_inputs(JETS)).embedding
        assert torch.allclose(validated, found, atol=1e-4), "the validation looks at what is predicted"


def typed_jets_row(place: int):
    names = ("points", "features", "vectors", "is_real", "num_real")
    row = type(JETS)(*(getattr(JETS, name)[place : place + 1] for name in names))
    return row.trimmed(int(row.num_real))


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_a_class_changes_the_predictions_of_its_jet_alone_and_only_by_the_start_token(backbone):
    model = moved(small_model(backbone=backbone, classes=3))
    inputs = weaver_inputs(JETS)

    def entropies(*label: int) -> float:
        return model.task(*inputs, torch.tensor(label)).next.entropy.item()

    plain = entropies(0, 0, 0, 0, 0)
    differences = [entropies(*(2 * (jet == place) for jet in range(5))) - plain for place in range(5)]
    assert all(abs(difference) > 1e-6 for difference in differences)
    assert entropies(2, 2, 2, 2, 2) - plain == pytest.approx(sum(differences), rel=1e-2)
    assert entropies(-1, -1, -1, -1, -1) == pytest.approx(model.task(*inputs).next.entropy.item(), rel=1e-5)
    start = model.id_encoder.start if backbone == "ids" else model.start
    with torch.no_grad():
        start.of_class.weight.copy_(start.of_class.weight[:1].expand(4, -1).clone())
    assert entropies(2, 1, 0, -1, 1) == pytest.approx(entropies(0, 0, 0, 0, 0), abs=1e-6)


def test_training_with_given_totals_keeps_them_with_their_classes():
    model = small_model(jet_totals="given", classes=3).train()
    model(*weaver_inputs(JETS), torch.tensor([0, 1, 2, 0, 1]))
    known = model.known_totals
    assert known.number == 5
    for label, counts in ((0, [1, 30]), (1, [3, 17]), (2, [49])):
        found = sorted(known.totals[:5, 2][known.label[:5] == label].tolist())
        assert found == pytest.approx([(count - 50) / 20 for count in counts])
    model.eval().task(*weaver_inputs(JETS), torch.tensor([0, 1, 2, 0, 1]))
    assert known.number == 5, "validation jets are not kept"


@pytest.mark.parametrize("options", [{"backbone": "ids"}, {"masked_weight": 1.0}], ids=str)
def test_a_jet_without_particles_is_not_learned_from(options):
    model = small_model(**options).eval()
    jets = typed_jets([9, 1, 5], seed=2)
    loss = NextTokenLoss(model_options(**options))
    with torch.no_grad():
        found, expected = (
            loss(model.task(*weaver_inputs(of))).terms["next"]
            for of in (without_particles(jets, 1), rows(jets, [0, 2]))
        )
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    only_empty = without_particles(without_particles(rows(jets, [1, 1]), 0), 1)
    found = loss(model.train()(*weaver_inputs(only_empty)))
    assert torch.isfinite(found.total)
    assert found.terms["next"] == 0


@pytest.mark.parametrize("options", [{"encoding": "conditional"}, {"token_features": "kinematics"}], ids=str)
def test_a_tokenizer_without_which_no_jets_are_made_is_warned_of_but_fit_for_masked_codes(options, caplog):
    tokenizer = small_tokenizer(**{"encoding": "causal", "token_features": "full", **options})
    small_model(tokenizer, masked_weight=1.0, next_weight=0.0)
    assert not caplog.records
    small_model(tokenizer)
    assert "will not make jets" in caplog.text


def test_momenta_are_without_mass():
    vectors = torch.randn(2, 4, 7)
    found = massless(vectors)
    assert torch.equal(found[:, :3], vectors[:, :3])
    assert torch.allclose(found[:, 3] ** 2, (vectors[:, :3] ** 2).sum(dim=1), rtol=1e-5)


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_a_run_starts_from_the_weights_of_another_with_its_own_tokenizer(backbone):
    first = moved(small_model(small_tokenizer(seed=1), seed=1, backbone=backbone))
    second = small_model(small_tokenizer(seed=2), seed=2, backbone=backbone)
    tokenizer = {name: value.clone() for name, value in second.tokenizer.state_dict().items()}
    head = second.token_head.to_codes.weight.clone()
    second.load_state_dict(first.state_dict(), strict=False)
    assert second.step == 0
    assert all(torch.equal(value, tokenizer[name]) for name, value in second.tokenizer.state_dict().items())
    part = "id_encoder" if backbone == "ids" else "context_encoder"
    for name, value in getattr(first, part).state_dict().items():
        assert torch.equal(value, getattr(second, part).state_dict()[name]), name
    assert torch.equal(second.token_head.to_codes.weight, head)  # of other codes
    third = small_model(small_tokenizer(seed=1), seed=3, backbone=backbone)
    third.load_state_dict(first.state_dict(), strict=False)
    assert torch.equal(third.token_head.to_codes.weight, first.token_head.to_codes.weight)


@pytest.mark.parametrize("kinds", ["codes", "clusters"])
def test_a_composition_of_clusters_is_none_of_codes(kinds):
    options = {"next_weight": 0.0, "composition_weight": 1.0}
    first = small_model(small_tokenizer(seed=1), seed=1, composition_of="clusters", **options)
    second = small_model(small_tokenizer(seed=1), seed=2, composition_of=kinds, **options)
    before = second.to_composition.weight.clone()
    second.load_state_dict(first.state_dict(), strict=False)
    wanted = first.to_composition.weight if kinds == "clusters" else before
    assert torch.equal(second.to_composition.weight, wanted)


def test_the_encoder_of_hep_jepa_is_taken_and_the_heads_start_anew():
    jepa, model = small_jepa(seed=5), small_model()
    head = model.token_head.to_codes.weight.clone()
    model.load_state_dict(jepa.state_dict(), strict=False)
    assert torch.equal(model.context_encoder.mod.blocks[0].fc1.weight, jepa.context_encoder.mod.blocks[0].fc1.weight)
    assert torch.equal(model.token_head.to_codes.weight, head)


def test_a_network_over_codes_takes_no_weights_of_an_encoder_of_features():
    with pytest.raises(UserError, match=naming("--load-model-weights")):
        small_model(backbone="ids").load_state_dict(small_jepa().state_dict(), strict=False)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"backbone": "ids", "masked_weight": 1.0}, ("masked_weight", "ids")),
        ({"backbone": "ids", "composition_weight": 1.0}, ("composition_weight", "ids")),
        ({"composition_of": "clusters"}, ("composition_of", "'codes'", "composition_weight 0")),
        ({"composition_weight": 1.0, "particle_statistics": "a.pt"}, ("particle_statistics", "a.pt", "clusters")),
        ({"backbone": "ids", "reads": "decoded"}, ("reads", "measured")),
        ({"rotate": True, "turn_context": True}, ("turn_context", "False")),
        ({"next_weight": 0.0}, ("next_weight", "masked_weight", "composition_weight")),
        ({"token_head_heads": 3}, ("token_head_heads", 16)),
        ({"tokens": "patches"}, ("tokens", "particles")),
        ({"embedding": "class"}, ("embedding", "mean")),
        ({"pt_ranks": True}, ("pt_ranks", "False")),
        ({"next_weight": 0.0, "masked_weight": 1.0, "running_totals": True}, ("running_totals", "next_weight 0")),
        ({"next_weight": 0.0, "masked_weight": 1.0, "reads": "decoded"}, ("reads", "'measured'")),
        ({"next_weight": 0.0, "masked_weight": 1.0, "jet_totals": "given"}, ("jet_totals", "'left_out'")),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, wanted):
    with pytest.raises(UserError, match=naming(*wanted)):
        model_options(**options)


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_augmentation_changes_the_codes_in_training_alone(backbone):
    """The codes are those of the jets as they were turned."""
    model = moved(small_model(small_tokenizer(encoding="unconditional"), backbone=backbone, reflect=True))
    seen: list[torch.Tensor] = []
    tokenize = model.tokenizer.codes
    model.tokenizer.codes = lambda jets: seen.append(jets.points) or tokenize(jets)
    jets = typed_jets([12, 12, 12])
    for training in (True, False):
        seen.clear()
        torch.manual_seed(0)
        model.train(training).pretext_task(jets)
        assert torch.equal(seen[0].abs(), jets.in_pt_order().points.abs())
        assert torch.equal(seen[0], jets.in_pt_order().points) == (not training)
