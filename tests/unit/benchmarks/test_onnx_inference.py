import pytest
from speed.onnx_inference import OnnxCase, new_batch

from tests.helpers import forked_commands
from tests.helpers.data_configs import REPOSITORY


def test_jets_are_as_long_as_the_longest():
    batch = new_batch(OnnxCase("quick", 16, seed=0))
    counts = batch["pf_mask"].sum(dim=(1, 2))
    assert batch["pf_features"].shape == (16, 17, counts.max())
    assert counts.min() < counts.max()


@pytest.mark.slow
def test_the_table_has_a_row_a_case_and_like_scores(tmp_path):
    words = [
        str(REPOSITORY / "scripts/benchmarks/benchmark_onnx.py"),
        "--size",
        "quick",
        "--batch-size",
        "1",
        "3",
        "--repeats",
        "1",
    ]
    done = forked_commands.run(words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    head, _, *rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("|")]
    assert [row[:2] for row in rows] == [["quick", "1"], ["quick", "3"]]
    assert head[-2:] == ["onnxruntime to PyTorch", "scores differ by"]
    assert all(float(row[-1]) < 1e-5 for row in rows)
    assert done.stderr == ""
