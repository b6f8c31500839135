from types import SimpleNamespace

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import (
    FinetuneConfig,
    JepaConfig,
    MpmConfig,
    OmnijetConfig,
    OmnijetFinetuneConfig,
    ParticleNetConfig,
    ParticleTransformerConfig,
    TokenizerConfig,
)
from hepjepa_weaver.host.networks import find_network, network_names
from hepjepa_weaver.host.scalar_recorder import ScalarRecorder, metric_name
from tests.helpers.data_configs import REPOSITORY

OPTIONS = {
    "hepjepa_pretrain": JepaConfig,
    "mpm_pretrain": MpmConfig,
    "omnijet_pretrain": OmnijetConfig,
    "omnijet_finetune": OmnijetFinetuneConfig,
    "jet_tokenizer": TokenizerConfig,
    "hepjepa_finetune": FinetuneConfig,
    "part": ParticleTransformerConfig,
    "particlenet": ParticleNetConfig,
}


def test_every_network_config_is_in_the_registry():
    assert network_names() == sorted(OPTIONS)
    assert network_names() == sorted(path.stem for path in (REPOSITORY / "network_configs").glob("*.py"))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_network_is_found_by_name_and_by_path(name):
    assert find_network(name).options is OPTIONS[name]
    assert find_network(str(REPOSITORY / f"network_configs/{name}.py")).options is OPTIONS[name]


def test_a_network_of_ones_own_is_found_by_its_path():
    network = find_network(str(REPOSITORY / "tests/examples/next_particle_pretrain.py"))
    assert "next_beta" in network.options().loss.__dataclass_fields__


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(UserError, match="hepjepa_pretran") as error:
        find_network("hepjepa_pretran")
    assert all(name in str(error.value) for name in OPTIONS)


def test_a_file_without_network_is_named(tmp_path):
    (tmp_path / "stock.py").write_text("def get_model(data_config, **options): ...\n")
    with pytest.raises(UserError, match=r"stock\.py"):
        find_network(str(tmp_path / "stock.py"))


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("Loss/total/train (epoch)", "loss"),
        ("Loss/train (epoch)", "loss"),
        ("Loss/event/eval (epoch)", "event"),
        ("Acc/eval (epoch)", "accuracy"),
        ("Pretrain/probe_accuracy/eval (epoch)", "probe_accuracy"),
    ],
)
def test_scalars_have_short_names_in_the_metrics_file(tag, name):
    assert metric_name(tag) == name


def test_the_recorder_passes_everything_on_to_tensorboard():
    written = []
    board = SimpleNamespace(global_step=4, batch_train_count=0, custom_fn="f", write_scalars=written.extend)
    recorder = ScalarRecorder(board)
    recorder.global_step += 1
    recorder.batch_train_count += 2
    recorder.write_scalars([("Loss/train", 1.0, 3), ("Loss/train (epoch)", 2.0, 0)])
    assert (board.global_step, board.batch_train_count, recorder.custom_fn) == (5, 2, "f")
    assert len(written) == 2
    assert recorder.scalars == {"loss": 2.0}
