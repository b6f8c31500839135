#!/usr/bin/env python3
"""Print operations and bytes of a training step on a GPU, as Markdown; they are counted without one.

scripts/benchmarks/count_operations.py --encoder part-full --batch-size 512 --contender pretrain --layout padded packed
"""

import argparse
import logging
import tempfile
from pathlib import Path

from speed.contenders import Training, build, in_layouts, name_of
from speed.operations import META, Operations, count_step
from speed.setup import ENCODERS, Case, Setup

from hepjepa_weaver.common.errors import require_at_least, run_script
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.training.loop import to_device

REPOSITORY = Path(__file__).resolve().parents[2]
COUNTED = ("pretrain", "paper", "jp", "mpm", "finetune")
"""Contenders that need no result of the device; weaver's ParT needs one to trim."""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", choices=ENCODERS, default="part-full", help="(part-full)")
    parser.add_argument("--particles", type=int, default=128, metavar="P", help="a jet, at most (128)")
    parser.add_argument("--batch-size", type=int, default=512, help="jets, with multiplicities as in JetClass (512)")
    parser.add_argument("--contender", nargs="+", choices=COUNTED, default=["pretrain"], help="(pretrain)")
    layouts = ("padded", "packed")
    parser.add_argument("--layout", nargs="+", choices=layouts, default=list(layouts), help="(both)")
    return parser.parse_args()


def count(contender: Training) -> Operations:
    """Count the operations of one step of a contender."""
    network = contender.network.to(META).train()
    inputs, labels, _ = next(iter(contender.loader))

    def loss(output: object) -> object:
        if hasattr(network, "pretext_task"):
            return contender.loss(output).total
        return contender.loss(output, labels["_label_"].to(META))

    return count_step(network, loss, to_device(inputs, network.reader.input_names, META))


def main() -> None:
    arguments = parse_arguments()
    require_at_least(arguments, {"particles": 2, "batch_size": 2})
    logging.getLogger("weaver").setLevel(logging.ERROR)
    case = Case(arguments.encoder, ENCODERS[arguments.encoder], "jetclass", arguments.particles, arguments.batch_size)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for key in in_layouts(list(dict.fromkeys(arguments.contender)), arguments.layout):
            found = count(build([key], case, Setup(REPOSITORY, Path(scratch)))[key])
            parts = {**found.parts, "all": found.total}
            rows += [[name_of(key), part, str(one.operations), f"{one.bytes / 1e9:.2f}"] for part, one in parts.items()]
    print(markdown_table(["a step of", "part", "operations", "GB"], rows, words=2))


if __name__ == "__main__":
    run_script(main)
