import os

import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.training_curves import newest_run, read_curves
from tests.helpers.messages import naming


def test_reads_every_scalar_by_tag(write_scalars):
    run = write_scalars("runs/one", {"Loss/train (epoch)": [2.0, 1.5, 1.25], "Acc/eval (epoch)": [0.25]})
    curves = read_curves(run)
    assert set(curves) == {"Loss/train (epoch)", "Acc/eval (epoch)"}
    np.testing.assert_array_equal(curves["Loss/train (epoch)"].steps, [0, 1, 2])
    np.testing.assert_array_equal(curves["Loss/train (epoch)"].values, [2.0, 1.5, 1.25])


def test_keeps_every_point_of_a_long_run(write_scalars):
    curves = read_curves(write_scalars("long", {"Loss/train": [0.5] * 12_000}))
    assert len(curves["Loss/train"].steps) == 12_000  # TensorBoard samples 10 000 unless told


def test_a_repeated_step_keeps_its_last_value(write_scalars):
    write_scalars("resumed", {"Loss/train": [3.0, 2.0]})
    curve = read_curves(write_scalars("resumed", {"Loss/train": [1.5, 1.0]}, first_step=1))["Loss/train"]
    np.testing.assert_array_equal(curve.steps, [0, 1, 2])
    np.testing.assert_array_equal(curve.values, [3.0, 1.5, 1.0])


def test_a_run_without_scalars_has_no_curves(write_scalars):
    assert read_curves(write_scalars("empty", {})) == {}


@pytest.mark.parametrize("make", [True, False])
def test_directory_without_event_files(tmp_path, make):
    if make:
        (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match=naming(tmp_path / "runs", "TensorBoard")):
        read_curves(tmp_path / "runs")
    with pytest.raises(UserError, match=naming(tmp_path / "runs", "TensorBoard")):
        newest_run(str(tmp_path / "runs"))


def test_newest_run_of_a_pattern(write_scalars, tmp_path, capsys):
    for age, name in enumerate(["Jan01_host_pretrain", "Feb01_host_pretrain", "Mar01_host_pretrain"]):
        for file in write_scalars(f"runs/{name}", {"Loss/train": [1.0]}).iterdir():
            os.utime(file, (1000 - age, 1000 - age))
    write_scalars("runs/Apr01_host_finetune", {"Loss/train": [1.0]})
    assert newest_run(str(tmp_path / "runs/*_pretrain")).name == "Jan01_host_pretrain"
    assert "names several runs" in capsys.readouterr().err
    assert newest_run(str(tmp_path / "runs/Feb01_host_pretrain")).name == "Feb01_host_pretrain"
    assert capsys.readouterr().err == ""
