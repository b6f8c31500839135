"""What plans of many weaver runs share: words of commands, lengths of trainings, what logs tell."""

import re
from pathlib import Path

from hepjepa_weaver.common.errors import UserError

VALIDATION_BATCH = 250
ALL_JETS = "-1"
"""Steps of a validation that takes every jet once; any other number goes on where the epoch before stopped."""
BEST = re.compile(r"Current validation metric: [\d.]+ \(best: ([\d.]+)\)")


def run_words(network: str, data_config: str, gpus: str, *options: str) -> list[str]:
    """What follows `weaver` in every command. network: path of the network config; gpus: empty for a CPU."""
    return [
        *("--network-config", network, "--data-config", data_config, "--gpus", gpus, "--num-workers", "1"),
        *options,
    ]


def epochs_and_steps(passes: int, num_jets: int, batch_size: int, most_epochs: int = 20) -> tuple[int, int]:
    """Weaver's epochs, `most_epochs` at most, and their steps for `passes` over `num_jets` jets: validation, which an
    epoch ends with, costs as much as many small epochs."""
    epochs = min(passes, most_epochs)
    return epochs, max(passes * num_jets // (batch_size * epochs), 1)


def best_validation(log: Path) -> float:
    """Validation accuracy of the best epoch in weaver's log. Raises UserError where there is none."""
    found = BEST.findall(log.read_text())
    if not found:
        raise UserError(f"{log} tells of no validation: look there for what went wrong")
    return float(found[-1])
