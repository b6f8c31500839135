"""The entry point of `hepjepa`. It loads the module of the command that is asked for, and no other."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from hepjepa_weaver import __version__
from hepjepa_weaver.common.errors import UserError, run_script
from hepjepa_weaver.host.before_weaver import use_writable_cache

COMMANDS = {
    "quickstart": "make jets, pre-train, fine-tune and compare with training from scratch, in ten minutes",
    "where": "print the path of a network config, a data config, a plan or a batch farm recipe",
    "options": "list the options of a network, with type, default, range and source, and its presets",
    "jets": "make jets with Pythia 8",
    "get": "download a published data set and convert it for weaver",
    "convert": "convert experiments' own files of events or jets to jets in JetClass's schema",
    "subset": "draw fixed subsets of jets for training with few labels",
    "vertices": "add secondary vertices to files of jets",
    "degrade": "set columns of test jets to 0 or drop particles",
    "check-apart": "check that training, validation and test files share no jets",
    "compare-jets": "print means of jet properties, file by file",
    "compare": "measure how well generated or reconstructed jets match real ones",
    "embed": "write the embedding of every jet in files, in file order",
    "fit-particles": "fit quantiles and clusters of particles, for masked particle modelling",
    "generate": "make jets with a pre-trained next-token model",
    "tokens": "evaluate tokenizers of jets side by side",
    "evaluate": "measure a prediction: accuracy, AUC, calibration, background rejection",
    "report": "write a report of predictions, with tables and plots",
    "study": "run a plan of many pre-trainings and trainings",
    "study-keep": "keep the results of a study as text, for another machine",
    "study-report": "write the report of a finished study",
    "resume": "run a weaver command, or go on with it where it was interrupted",
}


def main(words: Sequence[str] | None = None) -> None:
    """Run `hepjepa` with `words`, or with those of the command line."""
    given = list(sys.argv[1:] if words is None else words)
    signal.signal(signal.SIGTERM, stop)  # batch farms end jobs with it
    try:
        run_script(lambda: run_command(given))
    except BrokenPipeError:  # `hepjepa options … | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stop(number: int, frame: FrameType | None) -> None:
    """End the command, so that unfinished files are removed: by itself, SIGTERM would leave them."""
    del frame
    sys.exit(128 + number)


def run_command(words: Sequence[str]) -> None:
    """Run one command.

    Raises:
        UserError: the command is unknown, or raises it.
    """
    name = words[0] if words else "--help"
    if name in ("-h", "--help"):
        print(overview())
        return
    if name == "--version":
        print(__version__)
        return
    if name not in COMMANDS:
        raise UserError(f"unknown command {name}: choose from {', '.join(COMMANDS)}")
    use_writable_cache()
    module = import_module(f"hepjepa_weaver.cli.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"hepjepa {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.add_arguments(parser)
    module.run(parser.parse_args(words[1:]))


def overview() -> str:
    """Return the list of all commands, each with what it does."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        ("usage: hepjepa COMMAND ...\n", *lines, "\n`hepjepa COMMAND --help` lists the options of a command.")
    )
