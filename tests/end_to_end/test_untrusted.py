"""What comes from elsewhere is never run: checkpoints, plans, options; for archives see the tests of `unpack`."""

import ast
import pickle
from pathlib import Path

import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.studies.read_plan import read_plan
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names
from tests.helpers.networks import small_jepa
from tests.helpers.toy_jets import link_toy_files
from tests.helpers.weaver_command import ENCODER, PREDICTOR, refused, weaver

SOURCES = sorted(
    path for folder in ("hepjepa_weaver", "scripts", "network_configs") for path in (REPOSITORY / folder).rglob("*.py")
)
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "os.system", "yaml.load", "pickle.load", "pickle.loads"}
NEEDS = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self):
        return (Path.touch, (self.trace,))


def calls_in(path: Path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_of_ours_runs_text(path: Path):
    for name, words in calls_in(path):
        assert name not in RUNS_TEXT
        if name in NEEDS:
            word, value = NEEDS[name]
            assert words.get(word) == str(value), f"{name} without {word}={value}"
        assert words.get("shell", "False") == "False"


def test_the_scan_finds_what_it_looks_for(tmp_path: Path):
    bad = tmp_path / "bad.py"
    bad.write_text("import os\nos.system('true')\n")
    with pytest.raises(AssertionError):
        test_nothing_of_ours_runs_text(bad)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["weights", "resume", "predict"])
def test_a_checkpoint_with_code_is_refused_and_not_run(tmp_path: Path, toy_files: Path, way: str):
    trace = tmp_path / "trace"
    assert pickle.loads(pickle.dumps(Evil(trace))) is None
    assert trace.exists()
    trace.unlink()
    link_toy_files(toy_files, tmp_path)
    state = {**small_jepa().state_dict(), "evil": Evil(trace)}
    for name in ("net_epoch-0_state.pt", "net_epoch-0_optimizer.pt"):
        torch.save(state, tmp_path / name)
    options = {
        "weights": ("--load-model-weights", "net_epoch-0_state.pt"),
        "resume": ("--model-prefix", "net", "--load-epoch", "0"),
        "predict": ("--predict", "--model-prefix", "net_epoch-0_state.pt", "--data-test", "val/*.root"),
    }[way]
    line = refused(weaver(tmp_path, "hepjepa_pretrain", *ENCODER, *PREDICTOR, "--num-epochs", "2",
                          "--steps-per-epoch", "2", *options))  # fmt: skip
    assert names(line, "checkpoint", "damaged")
    assert not trace.exists()


def test_a_plan_cannot_make_objects(tmp_path: Path):
    trace = tmp_path / "trace"
    (tmp_path / "plan.yaml").write_text(f'output: !!python/object/apply:pathlib.Path.touch ["{trace}"]\n')
    with pytest.raises(UserError):
        read_plan(tmp_path / "plan.yaml")
    assert not trace.exists()


def test_the_value_of_an_option_is_not_run(tmp_path: Path):
    text = f"__import__('pathlib').Path('{tmp_path}/trace').touch()"
    assert value_or_text(text) == text
    assert not (tmp_path / "trace").exists()
