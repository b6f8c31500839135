import datetime
import os
import re
import subprocess
from pathlib import Path

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.report import Report, TimedCommand, read_commands, write_report
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.messages import naming
from tests.helpers.toy_predictions import CLASSES, toy_predictions, toy_scores


def make_report(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, as a user would."""
    return hepjepa("report", *arguments, cwd=folder)


def test_commands_with_wall_times(tmp_path):
    (tmp_path / "commands.log").write_text("12.5\tweaver --data-config a.yaml -o x 'y z'\n3\tpython a.py\n")
    assert read_commands(tmp_path / "commands.log") == [
        TimedCommand(12.5, "weaver --data-config a.yaml -o x 'y z'"),
        TimedCommand(3, "python a.py"),
    ]


@pytest.mark.parametrize("line", ["weaver --help", "soon\tweaver", "12", "12\t ", ""])
def test_broken_command_log(tmp_path, line):
    (tmp_path / "commands.log").write_text(f"1\tweaver\n{line}\n")
    with pytest.raises(UserError, match=naming("commands.log", "line 2")):
        read_commands(tmp_path / "commands.log")


def test_missing_command_log(tmp_path):
    with pytest.raises(UserError, match=naming("commands.log")):
        read_commands(tmp_path / "commands.log")


def test_report_holds_what_was_run(tmp_path):
    networks = {"HEP-JEPA": toy_predictions(seed=0), "ParT": toy_predictions(seed=1)}
    commands = [TimedCommand(61.2, "weaver --network-config 'a b.py'"), TimedCommand(3.4, "python b.py")]
    report = Report(networks, plots={"ROC curves": tmp_path / "plots" / "roc.png"}, commands=commands)
    write_report(report, tmp_path / "out" / "report.md")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "2 networks trained with weaver, tested on the same 300 jets" in text
    assert "claims nothing" in text
    assert "QCD 100, Hbb 100, Tbl 100" in text
    assert "![ROC curves](../plots/roc.png)" in text
    assert "      61 s  weaver --network-config 'a b.py'\n       3 s  python b.py\n" in text
    assert "      65 s  sum of the steps (some ran side by side)" in text
    assert "weaver-core 0." in text
    assert datetime.datetime.now(datetime.timezone.utc).date().isoformat() in text
    assert str(tmp_path) not in text


def test_a_failed_report_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.md"
    path.write_text("old")
    with pytest.raises(UserError, match=naming("QCD 100", "QCD 90")):
        write_report(Report({"a": toy_predictions(300), "b": toy_predictions(270)}), path)
    with pytest.raises(UserError, match=naming("gluon", *CLASSES)):
        write_report(Report({"a": toy_predictions()}, background="gluon"), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_script_writes_report_and_plots(tmp_path, write_prediction, write_scalars, data_config):
    for seed, name in enumerate(["jepa.parquet", "part.root"]):
        write_prediction(name, *toy_scores(seed=seed))
    write_scalars("runs/Jan01_host_pretrain", {"Pretrain/probe_accuracy/eval (epoch)": [0.2, 0.3]})
    write_scalars("runs/Jan01_host_part", {"Acc/eval (epoch)": [0.4, 0.5], "Loss/train (epoch)": [2.0, 1.0]})
    (tmp_path / "commands.log").write_text("7\tweaver --predict\n")
    result = make_report(
        tmp_path,
        *("--data-config", data_config.name, "--out", "quickstart/report.md", "--commands", "commands.log"),
        *("--prediction", "HEP-JEPA, 50 labels", "jepa.parquet", "--prediction", "ParT", "part.root"),
        *("--pretraining-curves", "HEP-JEPA", "runs/*_pretrain", "--curves", "ParT", "runs/Jan01_host_part"),
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(os.listdir(tmp_path / "quickstart")) == [
        "finetuning.png",
        "pretraining.png",
        "report.md",
        "roc.png",
    ]
    text = (tmp_path / "quickstart" / "report.md").read_text()
    assert re.findall(r"!\[.*\]\((.*)\)", text) == ["roc.png", "pretraining.png", "finetuning.png"]
    assert text.count("| HEP-JEPA, 50 labels | ") == text.count("| ParT | ") == 1
    assert str(tmp_path) not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prediction", "HEP-JEPA"), "error: --prediction HEP-JEPA: give a name, then a file"),
        (("--prediction", "a", "jepa.root") * 2, "error: --prediction a: the name is given twice"),
        (("--prediction", "a", "none.root"), "error: none.root does not exist"),
        (("--prediction", "a", "jepa.root", "--curves", "a", "runs"), "error: runs: no TensorBoard event files"),
    ],
)
def test_script_refuses_in_one_line(tmp_path, write_prediction, data_config, arguments, message):
    write_prediction("jepa.root", *toy_scores())
    result = make_report(tmp_path, "--data-config", data_config.name, "--out", "report.md", *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report.md").exists()
