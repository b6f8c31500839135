#!/usr/bin/env python3
"""Look whether training, validation and test files have jets in common; write how many jets were looked at."""

import argparse
from pathlib import Path

from hepjepa_weaver.datasets.overlap import common_jets, fingerprints, refuse_common
from hepjepa_weaver.datasets.whole_files import written_whole
from hepjepa_weaver.errors import run_script

USES = ("train", "validation", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for use in USES:
        parser.add_argument(f"--{use}", type=Path, nargs="+", required=True, help="files of jets, .root or .parquet")
    parser.add_argument("-o", "--output", type=Path, required=True, help="text file to write if they are apart")
    parser.add_argument("--allow-common", type=int, default=0, metavar="N", help="jets that two of them may share")
    args = parser.parse_args()
    jets = {use: {path: fingerprints(path) for path in getattr(args, use)} for use in USES}
    for index, use in enumerate(USES):
        for other in USES[index + 1 :]:
            refuse_common(common_jets(jets[use], jets[other]), use, args.allow_common)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output) as temporary:
        counts = (f"{use}: {sum(map(len, files.values()))} jets" for use, files in jets.items())
        temporary.write_text("\n".join(counts) + "\n")


if __name__ == "__main__":
    run_script(main)
