"""Jets per second that weaver's data loader delivers, read as weaver's own --io-test reads."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import check_file


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
    """Read all jets of `files` with weaver's data set and the loader that weaver puts around it.

    Args:
        data_config: weaver's.
        files: of jets.
        batch_size: jets per batch.
        num_workers: processes that read, at most one per file.
        fetch_step: fraction of each file that is read at once, as weaver's --fetch-step.

    Raises:
        UserError: a file is missing or damaged, or `files` do not fill a batch.
    """
    if not data_config.is_file():
        raise UserError(f"--io-test: there is no data config {data_config}")
    for file in files:
        check_file(str(file))
    jets = SimpleIterDataset(
        {"_": [str(file) for file in files]}, str(data_config), batch_size=batch_size, fetch_step=fetch_step
    )
    workers = min(num_workers, len(files))
    loader = DataLoader(jets, batch_size=batch_size, drop_last=True, num_workers=workers)
    start = time.perf_counter()
    batches = sum(1 for _ in loader)
    if not batches:
        raise UserError("--io-test: no batch was read: give more jets, or a smaller --batch-size")
    return LoaderSpeed(batches, batch_size, workers, batches * batch_size / (time.perf_counter() - start))
