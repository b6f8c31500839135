"""What docs/architecture.md says of new objectives and targets, by the examples that it names."""

import pytest

from hepjepa_weaver.common.epoch_metrics import metrics_path, read_epochs
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.weaver_command import ENCODER, PREDICTOR, succeeded, weaver

pytestmark = pytest.mark.slow
STEPS = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2")


def example(name):
    return REPOSITORY / f"tests/examples/{name}.py"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("next_particle", ("-o", "next_beta", "0.5", "-o", "log_every", "2")),
        ("masked_pt", ("-o", "masked_pt_beta", "0.5", "-o", "mask_strategy", "ball", *PREDICTOR)),
    ],
)
def test_an_objective_in_one_file_is_pretrained_and_fine_tuned(work, name, options):
    prefix = ("--model-prefix", f"{name}/net")
    succeeded(weaver(work, example(f"{name}_pretrain"), *prefix, *ENCODER, *options, *STEPS))
    (epoch,) = read_epochs(metrics_path(work / f"{name}/net"))
    assert epoch.train["loss"] == epoch.train[name] > 0
    assert epoch.metric == epoch.validation["probe_accuracy"] > 0
    weights = ("--load-model-weights", f"{name}/net_epoch-0_state.pt", "-o", "pooling", "mean")
    log = succeeded(weaver(work, "hepjepa_finetune", "--model-prefix", f"{name}_tuned/net", *weights, *ENCODER, *STEPS))
    assert "Unexpected: []" in log


def test_targets_are_changed_from_a_network_config(work):
    options = (*ENCODER, *PREDICTOR, *STEPS)
    succeeded(weaver(work, example("other_targets_pretrain"), "--model-prefix", "centred/net", *options))
    (epoch,) = read_epochs(metrics_path(work / "centred/net"))
    assert epoch.train["event"] > 0
