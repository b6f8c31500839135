"""Run a whole chain, from no files to a report, in ten minutes on two cores.

hepjepa quickstart:

- Make jets with Pythia 8.
- Pre-train HEP-JEPA on them without labels.
- Fine-tune it with few labels.
- Train ParT of the same size from scratch with the same labels.
- Write runs/quickstart/report.md.

hepjepa quickstart omnijet:

- Make the same jets.
- Train a tokenizer, and a generator on the tokens.
- Generate jets.
- Compare them with real ones in runs/quickstart_omnijet/report.md.

All files go below the current folder. The variables JETS and GPUS set --jets and --gpus.
"""

import argparse
import os
from pathlib import Path

from hepjepa_weaver.cli.quickstart_omnijet import omnijet_stages, omnijet_words
from hepjepa_weaver.cli.quickstart_steps import Places, stages
from hepjepa_weaver.cli.step_runner import Runner, clock
from hepjepa_weaver.common.environment import usable_cores
from hepjepa_weaver.common.errors import UserError, require_at_least

OUTPUT = Path("runs/quickstart")
OMNIJET = Path("runs/quickstart_omnijet")
MADE = Path("jets/MiniJetClass")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa quickstart`."""
    parser.add_argument("demo", nargs="?", choices=("hepjepa", "omnijet"), default="hepjepa", help="(%(default)s)")
    jets = os.environ.get("JETS")
    parser.add_argument(
        "--jets",
        type=Path,
        default=Path(jets) if jets else None,
        help="folder with train*/ val*/ test*/ of JetClass files (default: make jets)",
    )
    parser.add_argument("--gpus", default=os.environ.get("GPUS", ""), help="number of a GPU (default: CPU)")
    parser.add_argument(
        "--cores", type=int, default=usable_cores(), help="cores to use (default: all, %(default)s here)"
    )


def run(args: argparse.Namespace) -> None:
    """Run all steps, and print the results and what to type next.

    Raises:
        UserError: the number of cores is below 1, the folder of jets lacks a split, or a step failed.
    """
    require_at_least(args, {"cores": 1})
    for split in ("train", "val", "test"):
        if args.jets and not list(args.jets.glob(f"{split}*/*.root")):
            raise UserError(f"JETS {args.jets} has no {split}*/*.root: give a folder of JetClass files")
    is_omnijet = args.demo == "omnijet"
    places = Places(args.jets or MADE, OMNIJET if is_omnijet else OUTPUT, are_made=args.jets is None)
    steps = (omnijet_stages if is_omnijet else stages)(places, args.gpus, args.cores)
    seconds = Runner(steps, args.cores, places.output).run()
    print((omnijet_words if is_omnijet else closing_words)(places, seconds))


def closing_words(places: Places, seconds: float) -> str:
    """Return the table of results, the paths of the plots and what to type next."""
    report = places.output / "report.md"
    lines = report.read_text().splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith("|")), 0)
    last = next((number for number in range(first, len(lines)) if not lines[number].startswith("|")), len(lines))
    pictures = [str(path) for path in sorted(places.output.glob("*.png"))]
    return "\n".join(
        (
            f"Done in {clock(seconds)}.\n",
            *lines[first:last],
            f"\nReport:   {report}",
            f"Pictures: {' '.join(pictures)}",
            f"Commands: {places.output / 'commands.log'} (seconds, command)",
            "\nWhat to type next:",
            "  hepjepa options hepjepa_pretrain     what can be set with -o",
            "  hepjepa where                        network configs and data configs, for your own weaver commands",
            "  hepjepa embed runs/quickstart/pretrain/net_best_epoch_state.pt \\",
            f'      {places.jets}/test*/*.root --data-config "$(hepjepa where JetClass_full)" -o embeddings.parquet',
            "  hepjepa get JetClass -d data/JetClass --only '*val_5M*'     jets of the published data set",
        )
    )
