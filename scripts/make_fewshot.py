#!/usr/bin/env python3
"""Draw a fixed, class-balanced subset of jets for few-shot training, one small ROOT file per class."""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.fewshot import make_fewshot
from hepjepa_weaver.errors import run_script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="directory of STEM_NNN.root files, one stem per class")
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory to write to")
    parser.add_argument("--labels-per-class", type=int, required=True, help="jets drawn from each class")
    parser.add_argument("--seed", type=int, default=0, help="subsets of one seed are nested (default: 0)")
    args = parser.parse_args()
    written = make_fewshot(args.source, args.output, args.labels_per_class, args.seed)
    print(f"{args.output}: {args.labels_per_class} jets per class {'written' if written else 'already there'}")


if __name__ == "__main__":
    run_script(main)
