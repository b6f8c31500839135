"""Targets, losses and what is logged of predicted tokens, against a computation token by token."""

import pytest
import torch

from hepjepa_weaver.objectives.next_token.head import TokenHead

K, WIDTH, LONGEST = 5, 4, 6
CODES = torch.tensor([[0, 3, 3, -1], [4, -1, -1, -1], [1, 1, 2, 0]])
NUM = torch.tensor([3, 1, 4])
ENDS = torch.tensor([True, True, False])
SEQUENCES = [[0, 3, 3, K], [4, K], [1, 1, 2, 0]]
"""The tokens to predict of each jet: the third one was cut, and has no stop token."""


def new_head(num_layers: int = 0) -> TokenHead:
    torch.manual_seed(0)
    head = TokenHead(WIDTH, K, num_layers, 2, 0.0, LONGEST)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return head


def states(seed: int = 0) -> torch.Tensor:
    return torch.randn(3, 5, WIDTH, generator=torch.Generator().manual_seed(seed))


def by_hand(head: TokenHead, x: torch.Tensor) -> list[tuple[int, int, float, bool]]:
    """Position, token, entropy and hit of each predicted token, jet by jet."""
    found = []
    for jet, tokens in enumerate(SEQUENCES):
        for place, token in enumerate(tokens):
            scores = head.to_codes.weight @ x[jet, place] + head.to_codes.bias
            chance = scores.softmax(dim=0)
            found.append((place, token, -chance[token].log().item(), int(scores.argmax()) == token))
    return found


def test_targets_are_the_next_codes_and_a_stop_token_behind_whole_jets():
    wanted, is_wanted = new_head().targets(CODES, ENDS)
    assert [row[mask].tolist() for row, mask in zip(wanted, is_wanted, strict=True)] == SEQUENCES
    assert is_wanted.tolist() == [[True] * 4 + [False], [True] * 2 + [False] * 3, [True] * 4 + [False]]


@pytest.mark.parametrize("training", [True, False])
def test_loss_and_accuracy_are_the_means_over_all_tokens(training):
    head, x = new_head().train(training), states()
    tokens = by_hand(head, x)
    losses = head(x, CODES, NUM, ENDS)
    assert losses.entropy.item() == pytest.approx(sum(t[2] for t in tokens) / 10, rel=1e-5)
    assert losses.accuracy.item() == pytest.approx(sum(t[3] for t in tokens) / 10)
    assert not losses.accuracy.requires_grad


def test_what_is_logged_is_by_position_over_several_batches():
    head = new_head().eval()
    batches = [states(seed) for seed in (0, 1, 2)]
    head.start_validation()
    for x in batches:
        head(x, CODES, NUM, ENDS)
    tokens = [token for x in batches for token in by_hand(head, x)]
    summary = head.summary(positions=(0, 1, 2, 3, 5))
    for place in range(4):
        some = [token for token in tokens if token[0] == place]
        assert summary[f"accuracy_at_{place}"] == pytest.approx(sum(t[3] for t in some) / len(some))
        assert summary[f"loss_at_{place}"] == pytest.approx(sum(t[2] for t in some) / len(some), rel=1e-5)
    assert "loss_at_5" not in summary
    share = torch.bincount(torch.tensor([t[1] for t in tokens])) / len(tokens)
    entropy = float(torch.special.entr(share).sum())
    assert summary["gain_nats"] == pytest.approx(entropy - sum(t[2] for t in tokens) / len(tokens), rel=1e-4)
    assert summary["stop_share_true"] == pytest.approx(2 / 10)
    head.start_validation()
    head(batches[0], CODES, NUM, ENDS)
    assert head.summary()["loss_at_0"] == pytest.approx(sum(t[2] for t in by_hand(head, batches[0]) if t[0] == 0) / 3)


def test_a_model_that_knows_the_tokens_own_distribution_gains_nothing():
    head = new_head().eval()
    counts = torch.bincount(torch.tensor([token for row in SEQUENCES for token in row]), minlength=K + 1)
    with torch.no_grad():
        head.to_codes.weight.zero_()
        head.to_codes.bias.copy_((counts / counts.sum()).log())
    head(states(), CODES, NUM, ENDS)
    summary = head.summary()
    assert summary["gain_nats"] == pytest.approx(0, abs=1e-6)
    assert summary["stop_share"] == pytest.approx(summary["stop_share_true"])


def test_training_counts_nothing():
    head = new_head().train()
    head(states(), CODES, NUM, ENDS)
    assert head.totals.sum() == 0


def test_padding_changes_nothing():
    head, x = new_head(num_layers=2).eval(), states()
    before = head(x, CODES, NUM, ENDS)
    x[0, 4], x[1, 2:] = 1e3, -1e3
    after = head(x, CODES, NUM, ENDS)
    assert torch.allclose(before.entropy, after.entropy, rtol=1e-5)


def test_a_batch_of_cut_jets_without_any_token_has_a_loss_of_zero():
    head = new_head()
    losses = head(states()[:, :1], torch.zeros(3, 0).long(), torch.zeros(3).long(), torch.zeros(3).bool())
    assert losses.entropy == 0
    losses.entropy.backward()


def test_the_longest_jet_fits_its_counters():
    head = new_head().eval()
    codes = torch.zeros(2, LONGEST).long()
    x = torch.randn(2, LONGEST + 1, WIDTH)
    head(x, codes, torch.full((2,), LONGEST), torch.tensor([False, False]))
    assert head.totals.tolist() == [2.0] * LONGEST + [0.0]
