"""Top and quark/gluon tagging with the real `weaver` command, on files converted from the published layouts."""

from pathlib import Path

import awkward as ak
import pytest

from hepjepa_weaver.datasets import quark_gluon, top_landscape
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.published_files import write_quark_gluon_file, write_top_file
from tests.helpers.weaver_command import ENCODER, PREDICTOR, succeeded, weaver

pytestmark = pytest.mark.slow
CONFIGS = ("TopLandscape/top_kin", "QuarkGluon/qg_kin", "QuarkGluon/qg_kinpid", "QuarkGluon/qg_kinpidplus")
NUM_JETS = 200
STEPS = ("--num-epochs", "1", "--steps-per-epoch", "4", "--steps-per-epoch-val", "3")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagging")
    write_top_file(folder / "top.h5", NUM_JETS)
    top_landscape.convert(folder / "top.h5", folder / "TopLandscape.parquet")
    write_quark_gluon_file(folder / "qg.npz", NUM_JETS)
    quark_gluon.convert(folder / "qg.npz", folder / "QuarkGluon.parquet")
    return folder


@pytest.mark.parametrize("config", CONFIGS)
def test_pretraining_finetuning_and_prediction(work: Path, config: str):
    """Jets of one and two particles are among them."""
    jets, name = f"{config.partition('/')[0]}.parquet", config.replace("/", "_")
    data_config = REPOSITORY / f"data_configs/{config}.yaml"
    data = ("--data-train", jets, "--data-val", jets)
    options = ("--model-prefix", f"{name}/pre/net", *data, *ENCODER, *PREDICTOR, *STEPS)
    succeeded(weaver(work, "hepjepa_pretrain", *options, data_config=data_config, split=None))
    start = ("--load-model-weights", f"{name}/pre/net_epoch-0_state.pt", "--model-prefix", f"{name}/fine/net")
    succeeded(weaver(work, "hepjepa_finetune", *start, *data, *ENCODER, *STEPS, data_config=data_config, split=None))
    test = ("--predict", "--data-test", jets, "--model-prefix", f"{name}/fine/net_epoch-0_state.pt")
    output = ("--predict-output", f"{name}/test.parquet")
    succeeded(weaver(work, "hepjepa_finetune", *test, *output, *ENCODER, data_config=data_config, split=None))
    table = ak.from_parquet(work / name / "test.parquet")
    assert ak.to_numpy(table["scores"]).shape == (NUM_JETS, 2)
    signal = ak.from_parquet(work / jets)["label"]
    assert (1 - table["_label_"]).to_list() == signal.to_list()
