"""Generated jets: those that the model says, one token at a time, whatever else is in the batch."""

from pathlib import Path

import pytest
import torch
from speed.uncached import UncachedSteps
from torch import Tensor

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.generation.generator import JetGenerator, load_generator
from hepjepa_weaver.generation.sampling import Sampling, draw_jets
from hepjepa_weaver.generation.steps import FeatureSteps, IdSteps, Steps
from hepjepa_weaver.objectives.next_token.decoded_particles import (
    JetAxis,
    axis_of_totals,
    check_columns,
    decoded_jets,
    features_of,
    four_momenta,
)
from hepjepa_weaver.objectives.next_token.start_token import jet_totals
from hepjepa_weaver.tokens.tokenizer import PADDING
from tests.helpers.data_configs import COLUMNS
from tests.helpers.messages import naming
from tests.helpers.networks import small_config, small_jepa
from tests.helpers.tokens import (
    model_options,
    moved,
    saved,
    small_model,
    small_tokenizer,
)
from tests.helpers.typed_jets import typed_jets

LENGTH, NUMBER = 14, 12
MODELS = {
    "ids": {"backbone": "ids"},
    "ids without head": {"backbone": "ids", "token_head_layers": 0},
    "ids with totals": {"backbone": "ids", "running_totals": True},
    "features": {"pair_bias": False},
    "registers": {"pair_bias": False, "num_registers": 3},
    "running totals": {"pair_bias": False, "num_registers": 3, "running_totals": True, "reads": "decoded"},
}


def model_of(features: str = "kin", encoding: str = "causal", classes: int = 0, **options):
    """A model whose jets end now and then."""
    tokenizer = small_tokenizer(features, encoding=encoding)
    model = moved(small_model(tokenizer, features, longest=LENGTH, classes=classes, **options), features)
    with torch.no_grad():
        model.token_head.to_codes.bias[-1] += 1.0 if options.get("backbone") == "ids" else 3.0
        model.token_head.to_codes.weight.mul_(2)
    return model


def steps_of(model, number: int, label: Tensor | None = None, totals: Tensor | None = None) -> Steps:
    if not hasattr(model, "context_encoder"):
        return IdSteps(model, number, LENGTH, label, totals)
    axis = axis_of_totals(totals, number, torch.device("cpu"))
    return FeatureSteps(model, number, LENGTH, label, axis, totals)


def drawn(steps: Steps, number: int = NUMBER, seed: int = 1, sampling: Sampling | None = None, prompt=None):
    generator = torch.Generator().manual_seed(seed)
    return draw_jets(steps, number, LENGTH, sampling or Sampling(), generator, prompt)


def generator_of(model, class_names: tuple[str, ...] = (), **options) -> JetGenerator:
    return JetGenerator(model, model_options(longest=LENGTH, **options), class_names)


@pytest.mark.parametrize("options", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("encoding", ["causal", "unconditional"])
def test_with_a_cache_jets_are_those_without(options, encoding):
    model = model_of(encoding=encoding, **options)
    cached, anew = drawn(steps_of(model, NUMBER)), drawn(UncachedSteps(model, NUMBER))
    assert torch.equal(cached.codes, anew.codes)
    assert torch.equal(cached.has_ended, anew.has_ended)
    lengths = (cached.codes != PADDING).sum(dim=1)
    assert lengths.unique().numel() > 2, "jets of several lengths, so that some are taken out of the batch"


@pytest.mark.parametrize("registers", [0, 3])
def test_with_pairs_the_scores_are_those_without_a_cache(registers):
    """ln m² of a massless particle with itself is rounding error: scores agree for most particles, not to the bit."""
    model = model_of(num_registers=registers)
    cached, anew = steps_of(model, NUMBER), UncachedSteps(model, NUMBER)
    codes = torch.randint(64, (NUMBER, LENGTH), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(cached.first(), anew.first(), atol=1e-4)
        differences = torch.cat([(cached.after(code) - anew.after(code)).abs().amax(dim=1) for code in codes.T[:-1]])
    assert differences.median() < 0.05


@pytest.mark.parametrize(
    "options", [MODELS["ids"], MODELS["ids with totals"], MODELS["registers"], MODELS["running totals"]], ids=str
)
def test_jets_taken_out_of_the_batch_change_nothing_for_the_others(options):
    model = model_of(**options)
    codes = torch.randint(64, (NUMBER, 8), generator=torch.Generator().manual_seed(0))
    kept = torch.tensor([7, 2, 9])
    whole, some = steps_of(model, NUMBER), steps_of(model, NUMBER)
    with torch.inference_mode():
        assert torch.equal(whole.first(), some.first())
        for place in range(8):
            if place == 4:
                some.keep(kept)
            wanted = whole.after(codes[:, place])
            found = some.after(codes[kept if place >= 4 else slice(None), place])
            assert torch.allclose(found, wanted[kept] if place >= 4 else wanted, atol=1e-4)


@pytest.mark.parametrize("options", [MODELS["ids"], MODELS["ids with totals"], {"num_registers": 3}], ids=str)
def test_scores_are_those_of_the_training(options):
    """The jets of the data go in as the generator decodes them: `forward` in eval mode gives the same scores."""
    model = model_of(encoding="unconditional", pair_bias=False, **options)
    codes = torch.randint(64, (3, 8), generator=torch.Generator().manual_seed(0))
    steps = steps_of(model, 3)
    with torch.inference_mode():
        found = torch.stack([steps.first(), *(steps.after(code) for code in codes.T)], dim=1)
        number = torch.full((3,), 8)
        if hasattr(model, "context_encoder"):
            axis = axis_of_totals(None, 3, torch.device("cpu"))
            jets = decoded_jets(model.tokenizer.particles(codes), axis, model.columns, number)
            states = torch.cat([model.start(3), model.causal_states(jets)], dim=1)
        else:
            states = model.states(codes, number)
        wanted = model.token_head.logits(model.token_head.states(states, number + 1))
    assert torch.allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize("totals", ["left_out", "given"])
@pytest.mark.parametrize("options", [{"backbone": "ids"}, {"pair_bias": False, "reads": "decoded"}], ids=str)
def test_generation_sees_what_training_saw(options, totals):
    """The loss at each position is that of the scores which the generator has for the codes of the data."""
    model = model_of(running_totals=True, jet_totals=totals, **options)
    jets = typed_jets([9, 9, 9], features="kin").in_pt_order()
    steps = steps_of(model, 3, totals=model.totals_told(jets))
    with torch.inference_mode():
        model.start_validation()
        model.pretext_task(jets)
        found = model.token_head.summary(positions=tuple(range(9)))
        scores, codes = steps.first(), model.tokenizer.codes(jets)
        for place, code in enumerate(codes.T):
            wanted = torch.nn.functional.cross_entropy(scores, code)
            assert found[f"loss_at_{place}"] == pytest.approx(float(wanted), rel=1e-4), place
            scores = steps.after(code)


def test_the_same_seed_gives_the_same_jets_and_another_others():
    generator = generator_of(model_of(backbone="ids"), backbone="ids")
    first, same, other = (torch.cat([jets.codes for jets in generator.batches(20, 7, seed)]) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert first.shape == (20, LENGTH)


def test_batches_have_the_number_of_jets_asked_for():
    generator = generator_of(model_of(), backbone="features")
    assert [len(jets.codes) for jets in generator.batches(20, 7, 1)] == [7, 7, 6]
    jets = next(generator.batches(5, 7, 1))
    assert torch.equal(jets.particles.is_real, jets.codes != PADDING)
    again = generator.model.tokenizer.particles(jets.codes)
    assert torch.equal(jets.particles.pt, again.pt)


@pytest.mark.parametrize("sampling", [Sampling(temperature=1e-4), Sampling(top_k=1)], ids=str)
@pytest.mark.parametrize("options", [{"backbone": "ids"}, {"num_registers": 3}], ids=str)
def test_at_low_temperature_or_from_the_best_token_alone_jets_are_the_likeliest(options, sampling):
    model = model_of(**options)
    jets = [drawn(steps_of(model, 4), 4, seed, sampling) for seed in (1, 2)]
    assert torch.equal(jets[0].codes, jets[1].codes)
    steps = steps_of(model, 4)
    with torch.inference_mode():
        scores = steps.first()
        scores[:, -1] = -torch.inf
        for place in range(LENGTH):
            best = scores.argmax(dim=1)
            is_growing = jets[0].codes[:, place] != PADDING
            assert torch.equal(jets[0].codes[is_growing, place], best[is_growing])
            if place < LENGTH - 1:
                scores = steps.after(best.clamp(max=63))


def test_tokens_are_drawn_as_often_as_the_scores_say():
    scores = torch.tensor([[0.0, 1.0, 2.0, -1.0]]).expand(40_000, -1)
    for sampling, wanted in (
        (Sampling(), scores[0].softmax(dim=0)),
        (Sampling(temperature=0.5), (2 * scores[0]).softmax(dim=0)),
        (Sampling(top_k=2), torch.tensor([0.0, 1.0, 2.0, 0.0]).masked_fill(scores[0] < 0.5, -torch.inf).softmax(dim=0)),
    ):
        found = sampling.draw(scores, torch.Generator().manual_seed(0))
        share = torch.bincount(found, minlength=4) / len(found)
        assert torch.allclose(share, wanted, atol=0.015)


def test_a_top_k_beyond_all_tokens_draws_from_all():
    scores = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    draws = [Sampling(top_k=k).draw(scores, torch.Generator().manual_seed(1)) for k in (0, 4, 100)]
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2])


class Always:
    """Steps of a model that says the same of every token."""

    def __init__(self, number: int, scores: list[float]) -> None:
        self.scores, self.number = torch.tensor(scores), number

    def first(self) -> Tensor:
        return self.scores.expand(self.number, -1).clone()

    def after(self, codes: Tensor) -> Tensor:
        assert (codes < 2).all(), "no stop token goes in"
        return self.scores.expand(len(codes), -1).clone()

    def keep(self, jets: Tensor) -> None:
        self.number = len(jets)


def test_a_jet_has_a_particle_even_if_the_model_wants_to_stop():
    found = drawn(Always(NUMBER, [0.0, 0.0, 50.0]))
    assert (found.codes[:, 0] != PADDING).all()
    assert (found.codes[:, 1:] == PADDING).all()
    assert found.has_ended.all()


def test_a_jet_without_a_stop_token_is_cut_and_marked():
    found = drawn(Always(NUMBER, [0.0, 0.0, -100.0]))
    assert (found.codes != PADDING).all()
    assert not found.has_ended.any()


class Counting:
    """Steps of a model whose jets start anywhere, go on with the next code, and end behind the last one."""

    def __init__(self, number: int, num_codes: int) -> None:
        self.number, self.num_codes, self.kept = number, num_codes, 0

    def first(self) -> Tensor:
        return torch.zeros(self.number, self.num_codes + 1)

    def after(self, codes: Tensor) -> Tensor:
        assert len(codes) == self.number
        return 100.0 * torch.nn.functional.one_hot(codes + 1, self.num_codes + 1)

    def keep(self, jets: Tensor) -> None:
        self.number, self.kept = len(jets), self.kept + 1


def test_what_goes_in_is_what_was_drawn_for_the_same_jet():
    steps = Counting(200, 10)
    found = drawn(steps, 200)
    assert steps.kept > 2
    assert len(found.codes[:, 0].unique()) == 10
    for codes in found.codes.tolist():
        assert codes == [*range(codes[0], 10), *[PADDING] * (LENGTH - 10 + codes[0])]
    assert found.has_ended.all()


def test_lengths_are_geometric_if_the_stop_token_is_independent():
    found = drawn(Always(4000, [0.0, 0.0, 0.0]), 4000)
    lengths = (found.codes != PADDING).sum(dim=1)
    for length in range(1, 5):
        assert (lengths == length).float().mean().item() == pytest.approx((1 / 3) * (2 / 3) ** (length - 1), abs=0.03)
    is_prefix = (found.codes != PADDING).int().diff(dim=1) <= 0
    assert is_prefix.all()


def test_prompts_are_kept_and_gone_on_from():
    model = model_of(backbone="ids")
    prompt = torch.tensor([[5, 6, 7], [8, PADDING, PADDING], [9, 10, PADDING]])
    found = drawn(steps_of(model, 3), 3, prompt=prompt).codes
    assert found[0, :3].tolist() == [5, 6, 7]
    assert found[1, 0] == 8
    assert found[2, :2].tolist() == [9, 10]
    generator = generator_of(model, backbone="ids")
    codes = torch.cat([jets.codes for jets in generator.batches(7, 2, 1, prompt=prompt)])
    assert codes[:, 0].tolist() == [5, 8, 9, 5, 8, 9, 5]
    longer = torch.randint(64, (3, LENGTH + 5), generator=torch.Generator().manual_seed(0))
    whole = drawn(steps_of(model, 3), 3, prompt=longer)
    assert torch.equal(whole.codes, longer[:, :LENGTH])


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_classes_come_in_turn_or_as_asked_for(backbone):
    model = model_of(backbone=backbone, classes=3)
    generator = generator_of(model, ("a", "b", "c"), backbone=backbone)
    labels = torch.cat([jets.label for jets in generator.batches(8, 3, 1)])
    assert labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    codes = {label: next(generator.batches(NUMBER, NUMBER, 1, label=label)) for label in (0, 2)}
    assert codes[2].label.tolist() == [2] * NUMBER
    assert not torch.equal(codes[0].codes, codes[2].codes)
    assert next(generator_of(model_of(backbone="ids"), backbone="ids").batches(3, 3, 1)).label is None


@pytest.mark.parametrize("backbone", ["ids", "features"])
def test_jets_of_a_model_with_given_totals_have_the_axes_of_training_jets(backbone):
    model = model_of(jet_totals="given", backbone=backbone)
    jets = next(generator_of(model, jet_totals="given", backbone=backbone).batches(NUMBER, NUMBER, 1))
    known = model.known_totals
    etas = axis_of_totals(known.totals[: int(known.number)], int(known.number), torch.device("cpu")).eta
    assert torch.cdist(jets.axis_eta, etas).min(dim=1).values.max() < 1e-4
    assert (jets.axis_eta >= 0).all()


def test_the_axis_has_what_the_start_token_tells():
    """Its η is that of the sum, which the energy of a massive jet does not tell."""
    jets = typed_jets([30, 3, 17])
    totals = jet_totals(jets)
    axis = axis_of_totals(totals, 3, torch.device("cpu"))
    px, py, pz, energy = jets.vectors.sum(dim=2).unbind(dim=1)
    assert torch.allclose(axis.log_pt[:, 0].exp(), torch.hypot(px, py), rtol=1e-4)
    assert torch.allclose(axis.log_energy[:, 0].exp(), energy, rtol=1e-4)
    assert torch.allclose(axis.log_pt[:, 0].exp() * axis.eta[:, 0].sinh(), pz.abs(), rtol=1e-3)


def test_features_of_decoded_particles_are_those_of_the_data_config():
    """From the particles of jets with their axis at η = 0.8, as weaver would compute them."""
    columns = COLUMNS["full"]
    jets = typed_jets([20])
    tokenizer = small_tokenizer(encoding="causal", token_features="full")
    values = tokenizer.particle_values
    particles = values.particles(values(jets), jets.is_real)
    axis = JetAxis(torch.tensor([[0.8]]), torch.tensor([[6.0]]), torch.tensor([[6.3]]))
    vectors = four_momenta(particles, axis.eta)
    px, py, pz, energy = vectors[0]
    pt = torch.hypot(px, py)
    assert torch.allclose(torch.asinh(pz / pt) - 0.8, particles.deta[0], atol=1e-5)
    assert torch.allclose(torch.atan2(py, px), particles.dphi[0], atol=1e-5)
    assert torch.allclose(energy**2, px**2 + py**2 + pz**2, rtol=1e-5)
    features = dict(zip(columns.names, features_of(particles, vectors, axis, columns)[0], strict=True))
    wanted = {
        "part_pt_log": pt.log(), "part_e_log": energy.log(), "part_logptrel": pt.log() - 6.0,
        "part_logerel": energy.log() - 6.3, "part_deltaR": torch.hypot(particles.deta, particles.dphi)[0],
        "part_deta": particles.deta[0], "part_dphi": particles.dphi[0],
    }  # fmt: skip
    for column in columns.columns:
        if column.name in wanted:
            assert torch.allclose(features[column.name], column.standardised(wanted[column.name]), atol=1e-4), column
        else:
            given = jets.features[0, columns.where(column.name)[0]]
            assert torch.allclose(features[column.name], given, atol=1e-4), column.name


def test_features_that_no_code_gives_back_are_named():
    check_columns(COLUMNS["kin"], ())
    with pytest.raises(UserError, match=naming("part_charge", "part_d0", "-o token_features", "JetClass_kin")):
        check_columns(COLUMNS["full"], ())
    assert isinstance(COLUMNS["full"], FeatureColumns)


def saved_model(path: Path, features: str = "kin", encoding: str = "causal", classes: tuple[str, ...] = (), **options):
    model = model_of(features=features, encoding=encoding, classes=len(classes), **options)
    config = model_options(longest=LENGTH, class_condition=bool(classes), **options)
    return model, saved(model, config, path, features)


@pytest.mark.parametrize("options", [*MODELS.values(), {"jet_totals": "given"}, {"masked_weight": 1.0}], ids=str)
def test_a_generator_is_built_again_from_its_checkpoint_alone(tmp_path, options):
    model, path = saved_model(tmp_path / "net_state.pt", **options)
    generator = load_generator(path)
    wanted = next(generator_of(model, **options).batches(NUMBER, NUMBER, 3))
    found = next(generator.batches(NUMBER, NUMBER, 3))
    assert torch.equal(found.codes, wanted.codes)
    assert torch.equal(found.particles.pt, wanted.particles.pt)
    assert not any(parameter.requires_grad for parameter in generator.model.parameters())


def test_it_knows_the_names_of_its_classes(tmp_path):
    names = tuple(f"label_{name}" for name in ("QCD", "Hbb", "Hcc", "Hgg", "H4q", "Hqql", "Zqq", "Wqq", "Tbqq", "Tbl"))
    _, path = saved_model(tmp_path / "net_state.pt", classes=names)
    generator = load_generator(path)
    assert generator.class_names == names
    assert next(generator.batches(3, 3, 1)).label.tolist() == [0, 1, 2]


def test_a_conditional_tokenizer_is_enough_for_codes_but_not_for_features(tmp_path):
    _, path = saved_model(tmp_path / "ids.pt", encoding="conditional", backbone="ids")
    assert len(next(load_generator(path).batches(5, 5, 1)).codes) == 5
    model = small_model(small_tokenizer("kin", encoding="conditional"), "kin", longest=LENGTH)
    path = saved(model, model_options(longest=LENGTH), tmp_path / "features.pt", "kin")
    with pytest.raises(UserError, match=naming("-o encoding", "conditional")):
        load_generator(path)


def test_features_that_the_tokenizer_does_not_keep_are_refused(tmp_path):
    _, path = saved_model(tmp_path / "net_state.pt", features="full")
    with pytest.raises(UserError, match=naming("part_d0")):
        load_generator(path)


def test_checkpoints_that_make_no_jets_are_refused(tmp_path):
    saved(small_jepa(), small_config(), tmp_path / "jepa.pt")
    with pytest.raises(UserError, match=naming("jepa.pt", "omnijet_pretrain.py")):
        load_generator(tmp_path / "jepa.pt")
    _, path = saved_model(tmp_path / "masked.pt", next_weight=0.0, masked_weight=1.0)
    with pytest.raises(UserError, match=naming("masked.pt", "-o next_weight")):
        load_generator(path)
    state = torch.load(path, weights_only=True)
    metadata = state._metadata
    without = type(state)((name, value) for name, value in state.items() if not name.startswith("tokenizer."))
    without._metadata = {**metadata, "": saved_metadata(tmp_path)}
    torch.save(without, tmp_path / "without.pt")
    with pytest.raises(UserError, match=naming("without.pt", "no tokenizer")):
        load_generator(tmp_path / "without.pt")
    with pytest.raises(UserError, match=naming("nothing.pt")):
        load_generator(tmp_path / "nothing.pt")


def saved_metadata(folder: Path) -> dict:
    """That of a whole model."""
    _, path = saved_model(folder / "whole.pt", backbone="ids")
    return torch.load(path, weights_only=True)._metadata[""]


def test_tokens_are_drawn_by_their_probability_and_never_without_one():
    probability = torch.tensor([0.0, 0.1, 0.0, 0.6, 0.3, 0.0])
    scores = probability.log().expand(40_000, -1)
    drawn = Sampling().draw(scores, torch.Generator().manual_seed(3))
    found = torch.bincount(drawn, minlength=6) / len(drawn)
    assert (found[probability == 0] == 0).all()
    assert torch.allclose(found, probability, atol=4 * (0.6 * 0.4 / 40_000) ** 0.5)
    colder = torch.bincount(Sampling(temperature=0.5).draw(scores, torch.Generator().manual_seed(3)), minlength=6)
    assert torch.allclose(colder / 40_000, probability**2 / (probability**2).sum(), atol=0.01)
