"""Jets per second that weaver's data loader delivers, by weaver's own --io-test."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import check_file

RATE = re.compile(r"(\d+)(?:/\d+)?(?:it)? \[(?:\d+:)+\d+(?:<[^,]*)?, +([\d.]+)(it/s|s/it)\]")
"""Number of batches and their mean rate in weaver's progress bar (tqdm) at its end."""


@dataclass(frozen=True)
class LoaderSpeed:
    """Speed of weaver's data loader.

    Attributes:
        batches: number of batches read.
        batch_size: jets per batch.
        num_workers: number of worker processes.
        rate: jets/s over the whole run, the start of the workers included.
    """

    batches: int
    batch_size: int
    num_workers: int
    rate: float


def measure_loader(
    data_config: Path, files: Sequence[Path], batch_size: int, num_workers: int, fetch_step: float
) -> LoaderSpeed:
    """Run `weaver --io-test` on all jets of `files` and read the rate from its progress bar.

    Raises:
        UserError: a file is missing or damaged, weaver failed, or `files` do not fill a batch.
    """
    if not data_config.is_file():
        raise UserError(f"--io-test: there is no data config {data_config}")
    for file in files:
        check_file(str(file))
    command = [
        sys.executable,
        "-m",
        "weaver.train",
        "--io-test",
        "--gpus",
        "",
        "--model-prefix",
        "net",
        "--data-config",
        data_config.resolve(),
    ]
    command += ["--train-val-split", "1", "--batch-size", batch_size, "--num-workers", num_workers]
    command += ["--fetch-step", fetch_step, "--data-train", *(file.resolve() for file in files)]
    with tempfile.TemporaryDirectory() as folder:  # weaver may leave a file there
        done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise UserError(f"weaver --io-test failed: {last}; check the data config and the files")
    num_batches, rate = read_rate(done.stderr)
    return LoaderSpeed(num_batches, batch_size, num_workers, rate * batch_size)


def read_rate(progress: str) -> tuple[int, float]:
    """Return the number of batches and batches/s from the output of tqdm.

    Raises:
        UserError: not one batch was read.
    """
    shown = RATE.findall(progress)
    if not shown:
        raise UserError("weaver --io-test read no batch: give more jets, or a smaller --batch-size")
    batches, number, unit = shown[-1]
    return int(batches), float(number) if unit == "it/s" else 1 / float(number)
