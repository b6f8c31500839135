#!/usr/bin/env python3
"""Print jets/s of a tagger with onnxruntime and with PyTorch, on one core, as a table in Markdown.

scripts/benchmarks/benchmark_onnx.py --size quick mini --batch-size 1 16 128
"""

import argparse
import statistics
import tempfile
import warnings
from pathlib import Path

import torch
from speed.onnx_inference import RUNTIMES, OnnxCase, runtimes
from speed.setup import Setup
from speed.timing import time_in_turn

from hepjepa_weaver.common.environment import made_with
from hepjepa_weaver.common.errors import require_at_least, run_script
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.config.presets import SIZES


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", choices=SIZES, default=["quick", "mini"], help="as -o size")
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 16, 128], help="jets predicted at once")
    parser.add_argument("--repeats", type=int, default=15, help="of each, in turn (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and jets (default: %(default)s)")
    return parser.parse_args()


def row(case: OnnxCase, setup: Setup) -> list[str]:
    """Return jets/s of each (lowest to highest), the ratio of onnxruntime to PyTorch, and the difference of scores."""
    calls, difference = runtimes(case)
    seconds = time_in_turn(calls, setup)
    rates = {name: sorted(case.batch_size / value for value in values) for name, values in seconds.items()}
    cells = [f"{statistics.median(rate):.0f} ({rate[0]:.0f}–{rate[-1]:.0f})" for rate in rates.values()]
    ratio = statistics.median(rates[RUNTIMES[0]]) / statistics.median(rates[RUNTIMES[1]])
    return [case.size, str(case.batch_size), *cells, f"{ratio:.2f}", f"{difference:.0e}"]


def main() -> None:
    args = parse_arguments()
    require_at_least(args, {"batch_size": 1, "repeats": 1, "seed": 0})
    torch.set_num_threads(1)
    # The exporter warns of values it takes for constants, of weaver's assertions, and of being the older of two.
    for kind in (torch.jit.TracerWarning, DeprecationWarning):
        warnings.simplefilter("ignore", kind)
    with tempfile.TemporaryDirectory() as scratch:
        setup = Setup(Path.cwd(), Path(scratch), repeats=args.repeats, seed=args.seed)
        cases = [OnnxCase(size, batch, args.seed) for size in args.size for batch in args.batch_size]
        rows = [row(case, setup) for case in cases]
    heads = ["size", "batch", *(f"{name}, jets/s" for name in RUNTIMES), "onnxruntime to PyTorch", "scores differ by"]
    print(markdown_table(heads, rows, words=1))
    print(f"\nOne core, fp32, multiplicities as of H→bb, {args.repeats} repeats, seed {args.seed}.\n\n{made_with()}")


if __name__ == "__main__":
    run_script(main)
