"""One of two processes under torchrun that train together; the second dies in its third step."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist

from tests.helpers.networks import small_jepa
from tests.helpers.parallel import wrapped_like_weaver
from tests.helpers.two_ranks import DEFAULT, batches_of, train


class Dying:
    """Batches, the third of which is the end."""

    def __init__(self, rank: int, death: str) -> None:
        self.rank, self.death, self.batches = rank, death, batches_of(rank, steps=8)
        self.dataset = self.batches.dataset

    def __iter__(self):
        for number, batch in enumerate(self.batches):
            if number == 2:
                print("the first steps are done", flush=True)
            if number == 2 and self.rank == 1:
                if self.death == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                batch[0]["pf_features"][:] = torch.inf
            yield batch


if __name__ == "__main__":
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    batches = Dying(dist.get_rank(), sys.argv[1])
    model = wrapped_like_weaver(small_jepa(**DEFAULT), torch.device("cpu"))
    train(model, batches, Path(tempfile.mkdtemp()), DEFAULT, steps=8)
