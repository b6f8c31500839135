"""What weaver's own loader makes of a file."""

from pathlib import Path

import numpy as np
from weaver.utils.dataset import SimpleIterDataset


def read_with_weaver(path: Path, config: Path):
    """Return the inputs of all jets (N, C, 128) and the class of each by its pT, as weaver's loader gives them."""
    dataset = SimpleIterDataset(
        {"all": [str(path)]}, str(config), for_training=False, fetch_by_files=True, fetch_step=1
    )
    samples = list(dataset)
    inputs = {name: np.stack([sample[0][name] for sample in samples]) for name in samples[0][0]}
    return inputs, {float(sample[2]["jet_pt"]): float(sample[1]["_label_"]) for sample in samples}
