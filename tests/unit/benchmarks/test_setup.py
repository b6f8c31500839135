from pathlib import Path

import pytest
import torch
from speed.setup import ENCODERS, Setup

from hepjepa_weaver.cli.quickstart_steps import Places, stages
from hepjepa_weaver.cli.step_runner import as_typed
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.presets import SIZES
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import naming


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=naming("--device cuda", "GPU")):
        Setup(REPOSITORY, tmp_path, device=torch.device("cuda"))


@pytest.mark.parametrize(("option", "value", "remedy"), [("precision", "bf16", "--device cuda"), ("warmup", 5, 6)])
def test_what_makes_no_sense(tmp_path, option, value, remedy):
    with pytest.raises(UserError, match=naming(option, value, remedy)):
        Setup(REPOSITORY, tmp_path, **{option: value})


def test_the_quick_starts_encoder_is_that_of_the_quick_start():
    steps = [step for stage in stages(Places(Path("jets"), Path("out"), True), "", 1) for step in stage]
    assert all("-o size quick" in as_typed(step.command) for step in steps if step.command[0] == "weaver")
    assert {**ENCODERS["quickstart"].options, **ENCODERS["quickstart"].pretraining} == SIZES["quick"]
