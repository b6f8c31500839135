from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.sampling import check_weights
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names, naming
from tests.helpers.toy_jets import JETS_PER_CLASS

CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"


@pytest.fixture(autouse=True)
def _prepared():
    prepare_weaver()


def of_weaver(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "weaver"]


# --- weights ---


@pytest.mark.parametrize("bad", [-0.1, -np.inf, np.nan, np.inf])
def test_a_weight_that_is_negative_or_no_number_is_an_error_with_its_origin(bad):
    with pytest.raises(UserError, match=naming("2 of 5 jets", "jet_weight", "weights:")):
        check_weights(np.array([1.0, bad, 0.5, bad, 0.0]), "jet_weight")


def test_weights_next_to_zero_of_which_weaver_would_find_no_jet_are_an_error():
    with pytest.raises(UserError, match=naming("jet_weight", "0.00099", "about 1")):
        check_weights(np.array([9.9e-4, 1e-9, 0.0]), "jet_weight")
    check_weights(np.array([1e-3, 1e-9, 0.0]), "jet_weight")


@pytest.mark.parametrize(
    "weights", [[0.0, 0.0, 0.0], [], [1.0, 0.2, 0.0], [1.0, 1.0], [1.001, 0.5, 0.5]],
    ids=["zeros", "no jets", "below 1", "1", "hardly above 1"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_weights_that_weaver_can_take_pass_in_silence(weights, kind, caplog):
    check_weights(np.array(weights, dtype=kind), "good weights")
    assert of_weaver(caplog) == []


def test_whole_numbers_are_weights_too(caplog):
    check_weights(np.array([0, 1, 1]), "whole weights")
    assert of_weaver(caplog) == []


def test_weights_above_one_are_told_once_with_what_is_lost(caplog):
    for _ in range(3):
        check_weights(np.array([4.0, 1.0, 0.5, 0.5]), "weights that are told once")
    (message,) = of_weaver(caplog)
    assert names(message, "weights that are told once", "4", "50 %", "about 1")


def test_weights_of_another_origin_are_told_again(caplog):
    for origin in ("first origin", "second origin", "first origin"):
        check_weights(np.array([2.0, 1.0]), origin)
    assert len(of_weaver(caplog)) == 2


# --- weaver's dataset ---


def config(folder, weight=None, selection=None):
    """A data config of JetClass with an expression for the weights."""
    options = yaml.safe_load(CONFIG.read_text()) | {"selection": selection}
    if weight is not None:
        options["new_variables"]["jet_weight"] = weight
        options["weights"] = {"use_precomputed_weights": True, "weight_branches": ["jet_weight"]}
    path = Path(folder, "weighted.yaml")
    path.write_text(yaml.safe_dump(options, sort_keys=False))
    return str(path)


def training(toy_files, data_config, **kwargs):
    """Weaver's dataset of two classes, QCD and H→bb."""
    paths = [str(toy_files / f"train/{stem}_000.root") for stem in ("ZJetsToNuNu", "HToBB")]
    return SimpleIterDataset({"_": paths}, data_config, name="train", **{"fetch_step": 1, **kwargs})


def labels(samples):
    return [int(label["_label_"]) for _, label, _ in samples]


@pytest.mark.parametrize(
    ("weight", "named"),
    [
        ("-1 * label_QCD", "30 of 60 jets"),
        ("ak.where(label_QCD == 1, np.nan, 1)", "30 of 60 jets"),
        ("1e-5 * label_QCD", "1e-05"),
    ],
)
def test_weights_of_the_data_config_are_checked(toy_files, tmp_path, weight, named):
    with pytest.raises(UserError, match=naming("jet_weight", named)):
        list(training(toy_files, config(tmp_path, weight)))


def test_jets_of_weight_zero_are_not_given(toy_files, tmp_path):
    found = labels(training(toy_files, config(tmp_path, "1.0 * label_Hbb")))
    assert set(found) == {1}
    assert len(found) == 2 * JETS_PER_CLASS  # weaver fills up with the others


def test_a_part_of_the_jets_whose_weights_are_all_zero_is_passed_over(toy_files, tmp_path):
    found = labels(training(toy_files, config(tmp_path, "1.0 * label_Hbb"), fetch_by_files=True))
    assert found == [1] * JETS_PER_CLASS


def test_validation_without_weights_gives_each_jet_once(toy_files, tmp_path):
    validation = training(toy_files, config(tmp_path, "-1 * label_QCD"))
    validation._sampler_options["reweight"] = False
    assert sorted(labels(validation)) == [0] * JETS_PER_CLASS + [1] * JETS_PER_CLASS


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kwargs", [{}, {"fetch_step": 0.3}, {"fetch_by_files": True}, {"async_load": False}])
@pytest.mark.parametrize(
    "nothing", [{"selection": "jet_pt < 0"}, {"weight": "0.0 * label_QCD"}], ids=["selection", "weights"]
)
def test_an_endless_training_of_which_nothing_passes_is_an_error(toy_files, tmp_path, nothing, kwargs):
    endless = training(toy_files, config(tmp_path, **nothing), infinity_mode=True, **kwargs)
    with pytest.raises(
        UserError, match=naming("2 files", "train", "selection:", "weights:", "--extra-selection-train")
    ):
        next(iter(endless))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kwargs", [{}, {"fetch_step": 0.3}, {"fetch_by_files": True}])
def test_an_endless_training_goes_on_while_some_jets_pass(toy_files, tmp_path, kwargs):
    """Three passes and a bit, each with all jets of one class, whatever the files of the other give."""
    endless = training(toy_files, config(tmp_path, selection="label_Hbb == 1"), infinity_mode=True, **kwargs)
    samples = list(islice(endless, 3 * JETS_PER_CLASS + 5))
    leading = [float(inputs["pf_vectors"][3, 0]) for inputs, _, _ in samples]
    passes = [leading[start : start + JETS_PER_CLASS] for start in range(0, 3 * JETS_PER_CLASS, JETS_PER_CLASS)]
    assert set(labels(samples)) == {1}
    assert sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert len(set(passes[0])) == JETS_PER_CLASS


@pytest.mark.timeout(60)
def test_a_training_in_memory_of_which_nothing_passes_ends(toy_files, tmp_path):
    in_memory = training(toy_files, config(tmp_path, selection="jet_pt < 0"), infinity_mode=True, in_memory=True)
    assert list(in_memory) == []


def orders_of_epochs(toy_files: Path, name: str) -> list[list[float]]:
    """The jets of three epochs, by pT, as one reading process gives them."""
    paths = sorted(map(str, (toy_files / "train").glob("*.root")))
    dataset = SimpleIterDataset({"_": paths[:2]}, str(CONFIG), fetch_step=1, name=name)
    torch.manual_seed(1)
    loader = DataLoader(dataset, batch_size=60, num_workers=1, persistent_workers=True, multiprocessing_context="fork")
    return [torch.cat([inputs["pf_vectors"][:, 3, 0] for inputs, _, _ in loader]).tolist() for _ in range(3)]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on forks of a process with threads
def test_every_epoch_of_a_training_has_an_order_of_its_own_that_the_seed_repeats(toy_files):
    first = orders_of_epochs(toy_files, "train")
    assert len({tuple(order) for order in first}) == 3
    assert len({tuple(sorted(order)) for order in first}) == 1
    assert orders_of_epochs(toy_files, "train") == first


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_every_epoch_of_validation_has_the_same_order(toy_files):
    assert len({tuple(order) for order in orders_of_epochs(toy_files, "val")}) == 1
