"""The quick start's steps and their runner: all cores used, a line a step, failures that name their log."""

import argparse
import shlex
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
import weaver.train

from hepjepa_weaver.cli import quickstart_steps
from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.cli.quickstart_omnijet import omnijet_stages
from hepjepa_weaver.cli.quickstart_steps import Places, stages
from hepjepa_weaver.cli.step_runner import Runner, Step, as_typed, planned_starts
from hepjepa_weaver.common.errors import UserError


def step(name: str, code: str = "", seconds: float = 1.0) -> Step:
    return Step(name, f"do {name}", (sys.executable, "-c", code), seconds)


@pytest.mark.parametrize(("cores", "total"), [(1, 26), (2, 16), (64, 12)])
def test_the_plan_uses_all_cores(cores, total):
    plan = [(step("a", seconds=2),), (step("b", seconds=10), step("c", seconds=6), step("d", seconds=8))]
    starts, planned = planned_starts(plan, cores)
    assert planned == total
    assert starts["a"] == 0
    assert starts["b"] == 2


def test_steps_of_a_stage_run_side_by_side(tmp_path, capsys):
    """Each waits for the other, which one after the other could not."""
    wait = "import time; from pathlib import Path; Path({own!r}).touch(); "
    wait += "[time.sleep(0.01) for _ in iter(Path({other!r}).exists, True)]"
    pair = tuple(
        step(name, wait.format(own=str(tmp_path / name), other=str(tmp_path / other)))
        for name, other in (("one", "two"), ("two", "one"))
    )
    Runner([pair], 2, tmp_path / "out").run()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("left" in line and "/2 do " in line for line in lines)
    commands = (tmp_path / "out/commands.log").read_text().splitlines()
    assert {line.partition("\t")[2] for line in commands} == {as_typed(item.command) for item in pair}


def test_one_core_takes_one_step_at_a_time(tmp_path):
    note = (
        "import pathlib, time; p = pathlib.Path({0!r}); assert not p.exists(); p.touch(); time.sleep(0.1); p.unlink()"
    )
    busy = str(tmp_path / "busy")
    Runner([tuple(step(name, note.format(busy)) for name in "abc")], 1, tmp_path).run()


def test_a_failed_step_names_its_log_and_ends_the_others(tmp_path):
    stage = (step("slow", "import time; time.sleep(600)"), step("bad", "raise SystemExit('no jets')"))
    start = time.monotonic()
    with pytest.raises(UserError, match=r"bad.*logs/bad\.log.*no jets"):
        Runner([stage, (step("never"),)], 2, tmp_path).run()
    assert time.monotonic() - start < 300
    assert not (tmp_path / "logs/never.log").exists()
    assert (tmp_path / "commands.log").read_text() == ""


def test_weaver_commands_are_understood_by_weaver(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = [item for stage in stages(Places(Path("jets"), Path("runs/q"), True), "", 2) for item in stage]
    weaver_steps = [item for item in steps if item.command[0] == "weaver"]
    assert {item.name for item in weaver_steps} == {"pretrain", "part_50", "part_200", "hepjepa_50", "hepjepa_200"}
    for item in weaver_steps:
        assert shlex.split(as_typed(item.command)) == list(item.command)
        args = weaver.train.parser.parse_args(item.command[1:])
        assert Path(args.network_config).is_file()
        assert Path(args.data_config).is_file()
        assert (args.data_test == []) == (item.name == "pretrain")


def test_the_steps_of_omnijet_fit_together_and_are_understood(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = [item for stage in omnijet_stages(Places(Path("jets"), Path("runs/o"), True), "", 2) for item in stage]
    assert [item.name for item in steps] == ["jets", "tokenizer", "generator", "generate", "report"]
    by_name = {item.name: item.command for item in steps}
    tokenizer, generator = (weaver.train.parser.parse_args(by_name[name][1:]) for name in ("tokenizer", "generator"))
    written = f"{tokenizer.model_prefix}_best_epoch_state.pt"
    assert dict(generator.network_option)["tokenizer"] == written
    assert by_name["generate"][2] == f"{generator.model_prefix}_best_epoch_state.pt"
    for name in ("generate", "report"):
        module = import_module(f"hepjepa_weaver.cli.{'compare' if name == 'report' else name}")
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        args = parser.parse_args(by_name[name][2:])
        assert name != "report" or str(args.tokenizer) == written
    assert by_name["report"][2] == by_name["generate"][by_name["generate"].index("-o") + 1]


def test_both_networks_have_the_same_labels_steps_and_optimiser():
    steps = {item.name: item for stage in stages(Places(Path("jets"), Path("q"), True), "", 1) for item in stage}
    for labels in quickstart_steps.LABELS:
        tuned, scratch = (
            vars(weaver.train.parser.parse_args(steps[f"{name}_{labels}"].command[1:])) for name in ("hepjepa", "part")
        )
        differ = {name for name in tuned if tuned[name] != scratch[name]}
        assert differ == {
            "network_config", "network_option", "load_model_weights", "model_prefix", "predict_output", "tensorboard"
        }  # fmt: skip


def test_own_jets_are_not_made_again_and_have_to_be_there(tmp_path):
    steps = [item for stage in stages(Places(tmp_path, tmp_path, False), "", 2) for item in stage]
    assert "jets" not in {item.name for item in steps}
    with pytest.raises(UserError, match=r"train\*"):
        run_command(["quickstart", "--jets", str(tmp_path)])
