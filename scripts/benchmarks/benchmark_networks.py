#!/usr/bin/env python3
"""Print jets/s and peak memory of weaver's ParT and of our networks, as Markdown; all are timed in turn in one process.

scripts/benchmarks/benchmark_networks.py --encoder part-full --particles 64 128 --jets jetclass --threads 1
"""

import argparse
import logging
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from speed import tables
from speed.comparison import compare
from speed.contenders import NAMES, in_layouts
from speed.growth import AXES, measure_growth
from speed.io_test import measure_loader
from speed.pretraining_parts import split_pretraining
from speed.setup import ENCODERS, TRIMMER_WARMUP, Case, Setup

from hepjepa_weaver.common.errors import UserError, require_at_least, run_script

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_STEPS = {"cpu": 5, "cuda": 50}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", nargs="+", choices=ENCODERS, default=["part-full"], help="(part-full)")
    parser.add_argument("--particles", nargs="+", type=int, default=[64], metavar="P", help="a jet, at most (64)")
    kinds = "every jet of P particles, or multiplicities as in JetClass, cut at P, in 128 slots (full)"
    parser.add_argument("--jets", nargs="+", choices=("full", "jetclass"), default=["full"], help=kinds)
    parser.add_argument("--batch-size", type=int, default=64, help="jets (64)")
    parser.add_argument("--contender", nargs="+", choices=NAMES, default=list(NAMES), help="(all)")
    parser.add_argument("--steps", type=int, help="timed steps a repeat (5; 50 on a GPU)")
    parser.add_argument("--repeats", type=int, default=5, help="(5)")
    parser.add_argument("--warmup", type=int, default=TRIMMER_WARMUP, help=f"untimed steps ({TRIMMER_WARMUP})")
    parser.add_argument("--device", choices=DEFAULT_STEPS, default="cpu", help="(cpu)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16: weaver's --use-amp (fp32)")
    parser.add_argument("--compile", action="store_true", help="as weaver's --compile; give more --warmup")
    layouts = ("padded", "packed", "compiled")
    parser.add_argument("--layout", nargs="+", choices=layouts, default=["padded"], help="of our networks (padded)")
    parser.add_argument("--fused", action="store_true", help="as -p fused True: AdamW in one operation")
    parser.add_argument("--threads", type=int, help="of PyTorch, on the CPU (all cores)")
    parser.add_argument("--seed", type=int, default=0, help="of jets, weights, dropout and masks (0)")
    parser.add_argument("--no-table", action="store_true", help="only what is asked for below")
    parser.add_argument("--split", action="store_true", help="also split a pre-training step of each case")
    growth = "also time full jets against particles, batch size and width, at the first encoder and --particles"
    parser.add_argument("--growth", action="store_true", help=growth)
    loader = "also weaver's data loader on these files"
    parser.add_argument("--io-test", nargs="+", type=Path, metavar=("DATA_CONFIG", "FILE"), help=loader)
    parser.add_argument("--num-workers", type=int, default=1, help="of the data loader (1)")
    parser.add_argument("--fetch-step", type=float, default=0.01, help="as weaver's --fetch-step (0.01)")
    parser.add_argument("-o", "--out", type=Path, help="write the Markdown to this file as well")
    return parser.parse_args()


def check(arguments: argparse.Namespace) -> None:
    """Raise a UserError for numbers that make no sense, and for options that exclude each other."""
    lowest = {"particles": 2, "batch_size": 2, "steps": 1, "repeats": 1, "threads": 1, "seed": 0, "num_workers": 0}
    require_at_least(arguments, lowest)
    if arguments.io_test and len(arguments.io_test) < 2:
        raise UserError("--io-test wants a data config and at least one file of jets")
    if arguments.split and arguments.compile:
        raise UserError("--split times the parts of a step one by one, which a compiled step has not: drop --compile")


def measurements(arguments: argparse.Namespace, setup: Setup) -> list[str]:
    """Return each requested measurement as a piece of Markdown."""
    cases = [
        Case(encoder, ENCODERS[encoder], jets, particles, arguments.batch_size)
        for encoder in arguments.encoder
        for jets in arguments.jets
        for particles in arguments.particles
    ]
    pieces = []
    if not arguments.no_table:
        results = [result for case in cases for result in compare(arguments.contender, case, setup)]
        pieces.append(tables.comparison_table(results))
    if arguments.split:
        for case in cases:
            title = f"Encoder {case.encoder}, {case.jets} jets, {case.particles} particles:"
            pieces += [title, tables.split_table(split_pretraining(case, setup))]
    if arguments.growth:
        full = replace(cases[0], jets="full")
        title = f"Encoder {full.encoder}, {full.particles} particles, batch size {full.batch_size}, one thing changed:"
        pieces.append(title)
        pieces += [
            tables.growth_table(measure_growth(arguments.contender, full, axis, values, setup))
            for axis, values in AXES.items()
        ]
    if arguments.io_test:
        data_config, *files = arguments.io_test
        speed = measure_loader(data_config, files, arguments.batch_size, arguments.num_workers, arguments.fetch_step)
        pieces.append(tables.loader_line(speed))
    return pieces


def main() -> None:
    arguments = parse_arguments()
    check(arguments)
    logging.getLogger("weaver").setLevel(logging.ERROR)
    arguments.contender = in_layouts(list(dict.fromkeys(arguments.contender)), arguments.layout)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as scratch:
        setup = Setup(
            REPOSITORY,
            Path(scratch),
            device=torch.device(arguments.device),
            precision=arguments.precision,
            compile=arguments.compile,
            fused=arguments.fused,
            steps=arguments.steps or DEFAULT_STEPS[arguments.device],
            repeats=arguments.repeats,
            warmup=arguments.warmup,
            seed=arguments.seed,
        )
        report = "\n\n".join([tables.heading(setup, arguments.batch_size), *measurements(arguments, setup)])
    print(report)
    if arguments.out:
        arguments.out.write_text(report + "\n")


if __name__ == "__main__":
    run_script(main)
