"""Run a weaver command or, if it was interrupted before, go on with it.

A batch job can start the same command again and again.

    hepjepa resume weaver --network-config … --model-prefix models/hepjepa/net …

Goes on after the last epoch of which both checkpoints are whole. Refuses checkpoints of another command or of other
jets. An interruption loses a part of an epoch: choose short epochs (--steps-per-epoch).
"""

import argparse
import os

from hepjepa_weaver.host.resume import resumed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa resume`."""
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="weaver command as you would type it without `hepjepa resume`"
    )


def run(args: argparse.Namespace) -> None:
    """Replace this process by the command to run now.

    Raises:
        UserError: the command has no `--model-prefix` of its own, or the checkpoints belong to another command or jets.
    """
    command = resumed(args.command)
    print(" ".join(command[len(args.command) :]) or "from the start", flush=True)
    os.execvp(command[0], command)
