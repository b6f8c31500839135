import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.objectives.metrics import effective_rank
from hepjepa_weaver.training.validation import evaluate, some_jets
from tests.helpers.networks import BatchList, small_jepa, small_loss, weaver_args
from tests.helpers.toy_jets import random_jets, weaver_inputs

CPU = torch.device("cpu")


def jets_of_two_classes(num_batches: int = 4, one_class: bool = False) -> BatchList:
    """Class 1 has its first feature shifted by 3."""
    batches, labels = [], []
    for i in range(num_batches):
        jets = random_jets([10] * 20, seed=i)
        label = torch.arange(20) % 4 // 2 * (not one_class)
        jets.features[:, 0] += 3.0 * label.unsqueeze(1)
        batches.append(weaver_inputs(jets))
        labels.append(label)
    return BatchList(batches, labels)


def run(loader, model=None, **kwargs):
    args = weaver_args(*kwargs.pop("command_line", ()))
    loss = small_loss()
    return evaluate(model or small_jepa(), loader, CPU, 0, loss_func=loss, extra_args={"args": args}, **kwargs)


def test_the_metric_is_the_probe_accuracy():
    assert run(jets_of_two_classes()) > 0.8


def with_random_labels(num_batches: int = 4) -> BatchList:
    """Jets of one kind, whose labels nobody can tell."""
    loader, generator = jets_of_two_classes(num_batches, one_class=True), torch.Generator().manual_seed(0)
    loader.labels = [torch.randint(2, (20,), generator=generator) for _ in range(num_batches)]
    return loader


def test_jets_that_come_again_count_once_in_the_metric(caplog):
    """Otherwise a probe would be scored on jets that it was fitted on."""
    once = with_random_labels()
    again = BatchList(once.batches * 4, once.labels * 4)
    metric = run(once)
    assert caplog.text == ""
    assert abs(metric - 0.5) < 0.2  # 2.5 standard deviations of 40 jets
    assert run(again) == metric
    assert "240 of 320 validation jets come again" in caplog.text


def test_the_same_jets_in_another_order_are_no_jets_that_come_again(caplog):
    loader = jets_of_two_classes(1, one_class=True)
    vectors = loader.batches[0][2]
    vectors[:] = vectors[:1]
    for place in range(20):
        vectors[place] = vectors[place].roll(place % 10, dims=1) * (1 + place // 10)
    run(loader)
    assert caplog.text == ""


@pytest.mark.parametrize("missing", [-1, -2])
def test_jets_without_a_label_are_not_used_by_the_probe(missing):
    """As a class of their own they would be half of the jets, and nobody could tell them from the others."""
    loader = jets_of_two_classes()
    loader.labels = [torch.where(torch.arange(20) % 2 == 0, label, missing) for label in loader.labels]
    assert run(loader) > 0.8


@pytest.mark.parametrize("label", [torch.full((20,), -1), torch.full((20,), torch.nan)], ids=["-1", "nan"])
def test_jets_that_all_lack_a_label_give_the_rank_as_a_fraction_of_the_width(label):
    model, loader = small_jepa(), jets_of_two_classes()
    loader.labels = [label] * len(loader.labels)
    embedding = torch.cat([model.eval()(*inputs) for inputs in loader.batches])
    assert run(loader, model) == pytest.approx(effective_rank(embedding).item() / 16, rel=1e-5)


def test_no_label_is_no_second_class():
    loader = jets_of_two_classes(one_class=True)
    rank = run(loader)
    loader.labels = [torch.where(torch.arange(20) < 10, -1, label) for label in loader.labels]
    assert run(loader) == rank


def test_without_labels_the_metric_is_the_share_of_dimensions_in_use():
    metric = run(jets_of_two_classes(one_class=True))
    assert 1 / 16 < metric <= 1


def test_a_collapsed_encoder_cannot_win_without_labels():
    model = small_jepa()
    for parameter in model.target_encoder.parameters():
        parameter.data.zero_()
    collapsed = run(jets_of_two_classes(one_class=True), model)
    assert collapsed == pytest.approx(1 / 16)
    assert collapsed < run(jets_of_two_classes(one_class=True))


def test_number_of_steps_is_limited():
    loader = jets_of_two_classes()
    loader.batches[2:] = [None, None]
    assert run(loader, steps_per_epoch=2) > 0


def test_an_empty_validation_set_is_an_error():
    with pytest.raises(UserError, match="batch of 64 jets"):
        run(BatchList([], []), command_line=("--batch-size-val", "64"))


@pytest.mark.parametrize("for_training", [False, True])
def test_embeddings_that_are_no_numbers_are_an_error(for_training):
    loader = jets_of_two_classes()
    loader.batches[1][2][3] = torch.inf
    with pytest.raises(UserError, match="1 of 20 jets"):
        run(loader, for_training=for_training)


def test_the_jets_of_the_probe_come_from_everywhere_and_are_the_same_each_time():
    some = some_jets(1000, 100)
    assert len(set(some.tolist())) == 100
    assert some.max() > 900
    assert torch.equal(some, some_jets(1000, 100))
    assert sorted(some_jets(10, 100).tolist()) == list(range(10))


def test_prediction_gives_the_embeddings_of_all_jets_in_order():
    model, loader = small_jepa(), jets_of_two_classes()
    metric, scores, labels, observers = run(loader, model, for_training=False)
    expected = torch.cat([model.eval()(*inputs) for inputs in loader.batches])
    assert torch.allclose(torch.from_numpy(scores), expected, atol=1e-6)
    assert labels["_label_"].tolist() == torch.cat(loader.labels).tolist()
    assert observers == {}
    assert metric == pytest.approx(effective_rank(expected).item(), rel=1e-5)


def test_embeddings_do_not_go_into_root_files():
    with pytest.raises(UserError, match=r"out\.root.*\.parquet"):
        run(jets_of_two_classes(), for_training=False, command_line=("--predict-output", "out.root"))
