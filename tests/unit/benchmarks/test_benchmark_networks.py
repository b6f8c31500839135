"""The script as a person runs it."""

import importlib.util
import sys

import pytest

from tests.helpers import forked_commands
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names

SCRIPT = REPOSITORY / "scripts/benchmarks/benchmark_networks.py"
QUICK = [
    "--encoder",
    "quickstart",
    "--particles",
    "8",
    "--batch-size",
    "4",
    "--steps",
    "1",
    "--repeats",
    "2",
    "--threads",
    "1",
]


def load_script():
    spec = importlib.util.spec_from_file_location("benchmark_networks", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.mark.slow
def test_a_table_of_two_contenders_and_the_split(tmp_path):
    command = [SCRIPT, *QUICK, "--contender", "stock", "pretrain", "--split"]
    command += ["--out", tmp_path / "speed.md"]
    done = forked_commands.run(list(map(str, command)), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (tmp_path / "speed.md").read_text() == done.stdout
    heading, _, *lines = done.stdout.splitlines()
    assert "PyTorch threads 1" in heading
    assert "fp32, eager, batch size 4; seed 0; 2 repeats of 1 steps" in heading
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| quickstart")]
    assert [row[:4] for row in rows] == [
        ["quickstart", "full", "8", "ParT (weaver)"],
        ["quickstart", "full", "8", "HEP-JEPA pre-training"],
    ]
    assert rows[0][6] == rows[0][8].replace("–", "1") == "1"
    assert all(float(row[4]) > 0 and float(row[5].split()[0]) > 0 and float(row[6]) > 0 for row in rows)
    assert "| whole step |" in done.stdout


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--precision", "bf16"], ("--precision", "bf16", "--device cuda")),
        (["--warmup", "5"], ("--warmup", 5, 6)),
        (["--steps", "0"], ("--steps", 0, 1)),
        (["--particles", "64", "1"], ("--particles", 1, 2)),
        (["--split", "--compile"], ("--compile",)),
        (["--io-test", "config.yaml"], ("--io-test",)),
    ],
)
def test_mistakes_end_in_one_line(monkeypatch, capsys, options, named):
    monkeypatch.setattr(sys, "argv", ["benchmark_networks.py", *options])
    script = load_script()
    with pytest.raises(SystemExit) as exit_:
        script.run_script(script.main)
    assert names(str(exit_.value), *named)
    assert "\n" not in str(exit_.value)
    assert capsys.readouterr().out == ""
