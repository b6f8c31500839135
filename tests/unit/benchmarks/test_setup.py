import pytest
import torch
from speed.setup import ENCODERS, Setup

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.presets import SIZES
from tests.helpers.networks import REPOSITORY


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="--device cuda: PyTorch finds no GPU"):
        Setup(REPOSITORY, tmp_path, device=torch.device("cuda"))


@pytest.mark.parametrize(
    ("option", "value", "message"), [("precision", "bf16", "needs --device cuda"), ("warmup", 5, "at least 6")]
)
def test_what_makes_no_sense(tmp_path, option, value, message):
    with pytest.raises(UserError, match=message):
        Setup(REPOSITORY, tmp_path, **{option: value})


def test_the_quick_starts_encoder_is_that_of_the_script():
    assert "-o size quick" in (REPOSITORY / "scripts/quickstart.sh").read_text()
    assert {**ENCODERS["quickstart"].options, **ENCODERS["quickstart"].pretraining} == SIZES["quick"]
