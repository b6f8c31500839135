import logging

import awkward as ak
import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.tokenizing import TokenizerLoss, TokenizerOutput, perplexity
from hepjepa_weaver.tokens.tokenizer import PADDING, Reconstruction
from tests.helpers.messages import naming
from tests.helpers.tokens import ENCODINGS, small_training, tokenizer_options
from tests.helpers.toy_jets import weaver_inputs
from tests.helpers.typed_jets import typed_jets

JETS = typed_jets([30, 3, 17, 1])


def reconstruction(num_values: int = 3) -> Reconstruction:
    """Two jets with 2 and 1 particles: errors of 1 and 3 in ln pT, 2 in Δη, none in Δφ and those behind it."""
    values = torch.zeros(2, 2, num_values)
    came_back = values.clone()
    came_back[0, 0, 0], came_back[0, 1, 0], came_back[1, 0, 1] = 1.0, 3.0, 2.0
    came_back[1, 1] = 1e6  # padding
    codes = torch.tensor([[0, 1], [1, PADDING]])
    return Reconstruction(values, came_back, codes, codes != PADDING, torch.tensor(0.5))


@pytest.mark.parametrize("num_values", [3, 8])
def test_the_loss_is_the_mean_over_particles_and_values_plus_that_of_the_codebook(num_values):
    output = TokenizerOutput(reconstruction(num_values), torch.zeros(2, num_values))
    losses = TokenizerLoss(tokenizer_options(codebook_weight=4.0).quantizer)(output)
    mean = (1 + 9 + 4) / (3 * num_values)
    assert losses.total.item() == pytest.approx(mean + 4.0 * 0.5)
    terms = {name: value.item() for name, value in losses.terms.items()}
    assert terms["reconstruction"] == pytest.approx(mean)
    assert terms["codebook"] == 0.5
    assert terms["error_pt"] == pytest.approx(10 / 3)
    assert terms["error_deta"] == pytest.approx(4 / 3)
    assert terms["error_dphi"] == 0
    assert ("error_extra" in terms) == (num_values > 3)


def test_perplexity_counts_codes_that_are_used_evenly():
    assert perplexity(torch.tensor([5, 5, 5, 5, 0])).item() == pytest.approx(4)
    assert perplexity(torch.tensor([7, 0])).item() == pytest.approx(1)
    assert torch.isfinite(perplexity(torch.zeros(4)))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_step_of_training_reaches_every_weight(encoding):
    training = small_training(encoding=encoding).train()
    losses = TokenizerLoss(training.tokenizer.config.quantizer)(training(*weaver_inputs(JETS)))
    losses.total.backward()
    without = [name for name, parameter in training.named_parameters() if parameter.grad is None]
    assert without == []
    assert list(training.parameters())


@pytest.mark.parametrize("quantizer", ["vector", "finite_scalar", "residual"])
def test_particles_come_back_better_with_training(quantizer):
    training = small_training(encoding="unconditional", quantizer=quantizer, codes=256).train()
    loss = TokenizerLoss(training.tokenizer.config.quantizer)
    opt = torch.optim.Adam(training.parameters(), lr=3e-3)
    found = []
    for step in range(60):
        losses = loss(training(*weaver_inputs(typed_jets([30, 20, 10], seed=step))))
        opt.zero_grad()
        losses.total.backward()
        opt.step()
        found.append(losses.terms["reconstruction"].item())
    assert sum(found[-5:]) < 0.7 * sum(found[:5])


def test_predictions_are_codes_and_what_comes_back_from_them():
    training = small_training(encoding="causal", token_features="full").train()
    training(*weaver_inputs(JETS))
    codes = training.eval()(*weaver_inputs(JETS))
    assert torch.equal(codes, training.tokenizer.codes(JETS))
    scores, columns = training.as_columns(codes)
    particles = training.tokenizer.particles(codes)
    assert ak.num(scores).tolist() == [30, 3, 17, 1]
    assert ak.flatten(scores).tolist() == codes[JETS.is_real].tolist()
    kept = {"pt", "deta", "dphi", *(name.removeprefix("part_") for name in particles.extras)}
    assert set(columns) == {f"rec_part_{name}" for name in kept}
    assert "rec_part_isPhoton" in columns
    assert columns["rec_part_pt"][2].tolist() == pytest.approx(particles.pt[2, :17].tolist())
    assert all(ak.num(column).tolist() == [30, 3, 17, 1] for column in columns.values())


def test_particles_that_are_not_finite_end_the_run_with_a_reason():
    inputs = [value.clone() for value in weaver_inputs(JETS)]
    inputs[2][1, 0, 0] = torch.inf
    training = small_training(encoding="causal")
    for mode in (True, False):
        with pytest.raises(UserError, match=naming("not finite")):
            training.train(mode)(*inputs)


def validated(training, batches: int = 2) -> dict[str, float]:
    training.eval().start_validation()
    for seed in range(batches):
        training.task(*weaver_inputs(typed_jets([30, 20], seed=seed)))
    return training.validation_summary()


def test_codes_in_use_are_those_of_the_whole_validation(caplog):
    training = small_training(encoding="unconditional")
    training.train()(*weaver_inputs(typed_jets([64, 64])))
    with caplog.at_level(logging.WARNING):
        summary = validated(training)
    codes = [training.tokenizer.codes(typed_jets([30, 20], seed=seed)) for seed in range(2)]
    used = torch.cat([some[some != PADDING] for some in codes])
    assert summary["codes_in_use"] == len(used.unique()) / 64
    assert summary["perplexity"] == pytest.approx(float(perplexity(torch.bincount(used))), rel=1e-5)
    assert validated(training) == summary, "a second validation starts anew"
    assert not caplog.messages


def test_few_codes_in_use_are_reported_once_with_a_remedy(caplog):
    training = small_training(encoding="unconditional", codes=8192)
    training.train()(*weaver_inputs(typed_jets([5, 5])))
    with caplog.at_level(logging.WARNING):
        validated(training)
    (message,) = caplog.messages
    assert "8192" in message
    assert "-o dead_below" in message


def test_the_best_epoch_has_the_smallest_reconstruction_loss():
    training = small_training()
    good, bad = (training.validation_metric({"reconstruction": value, "total": 9.0}) for value in (0.1, 0.2))
    assert 0 < bad < good < 1


def test_a_run_starts_from_the_weights_of_another_without_its_state():
    """As weaver's --load-model-weights, which loads with `strict=False`."""
    first, second = small_training(seed=0), small_training(seed=1)
    first.train()(*weaver_inputs(JETS))
    first.after_optimizer_step(17, None)
    second.load_state_dict(first.state_dict(), strict=False)
    assert second.step == 0
    assert second.tokenizer.has_learned()
    for name, value in first.tokenizer.state_dict().items():
        assert torch.equal(value, second.tokenizer.state_dict()[name]), name


def test_weights_of_another_network_are_refused():
    with pytest.raises(UserError, match=naming("--load-model-weights")):
        small_training(encoding="causal").load_state_dict(
            small_training(encoding="unconditional").state_dict(), strict=False
        )
