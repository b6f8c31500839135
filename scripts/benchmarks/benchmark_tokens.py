#!/usr/bin/env python3
"""Print jets/s of tokenizing, decoding, next-token training and generation, as Markdown; all are timed in one process.

Weaver's ParT trains beside next tokens. Generation with kept keys and values stands beside generation without.

scripts/benchmarks/benchmark_tokens.py --encoder quickstart --batch-size 128 --threads 1
"""

import argparse
import logging
import tempfile
from pathlib import Path

import torch
from speed.setup import ENCODERS, Case, Setup
from speed.tables import heading
from speed.timing import time_in_turn
from speed.token_contenders import build

from hepjepa_weaver.common.errors import require_at_least, run_script
from hepjepa_weaver.common.markdown import markdown_table

REPOSITORY = Path(__file__).resolve().parents[2]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", choices=ENCODERS, default="quickstart", help="(quickstart)")
    parser.add_argument("--codes", type=int, default=8192, help="of the tokenizer (8192)")
    parser.add_argument("--batch-size", type=int, default=128, help="jets (128)")
    parser.add_argument("--steps", type=int, default=5, help="timed training steps a repeat (5)")
    parser.add_argument("--longest", type=int, default=41, help="particles of a generated jet, all as long (41)")
    parser.add_argument("--repeats", type=int, default=3, help="(3)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="(cpu)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of training (fp32)")
    parser.add_argument("--threads", type=int, help="of PyTorch, on the CPU (all cores)")
    parser.add_argument("-o", "--out", type=Path, help="write the Markdown to this file as well")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    require_at_least(arguments, {"batch_size": 2, "steps": 1, "longest": 1, "repeats": 1, "threads": 1})
    logging.getLogger("weaver").setLevel(logging.ERROR)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        setup = Setup(
            REPOSITORY, Path(scratch), device=torch.device(arguments.device), precision=arguments.precision,
            compile=False, steps=arguments.steps, repeats=arguments.repeats, warmup=6, seed=0,
        )  # fmt: skip
        case = Case(arguments.encoder, ENCODERS[arguments.encoder], "jetclass", 128, arguments.batch_size)
        runs, jets = build(case, setup, arguments.codes, arguments.longest)
        for run in runs.values():
            run()
        seconds = time_in_turn(runs, setup)
        title = heading(setup, arguments.batch_size)
    rows = []
    for name, times in seconds.items():
        rates = sorted(jets[name] / time for time in times)
        rows.append([name, f"{rates[len(rates) // 2]:.4g}", f"{rates[0]:.4g} – {rates[-1]:.4g}"])
    report = f"{title}\n\n" + markdown_table(["", "jets/s (median)", "range"], rows, words=1)
    print(report)
    if arguments.out:
        arguments.out.write_text(report + "\n")


if __name__ == "__main__":
    run_script(main)
