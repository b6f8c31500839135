r"""Work with trained tokenizers of jets.

evaluate: several tokenizers side by side on the same jets, with a report in Markdown and the numbers in JSON.

    hepjepa tokens evaluate conditional models/a/net_best_epoch_state.pt causal models/b/net_best_epoch_state.pt \
        --data-config "$(hepjepa where JetClass_kin)" --test jets/MiniJetClass/test/*.root --jets 10000 \
        -o tokenizers/report.md
"""

import argparse

from hepjepa_weaver.cli import tokens_evaluate

COMMANDS = {"evaluate": tokens_evaluate}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the commands of `hepjepa tokens`, each with its arguments."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        text = (module.__doc__ or "").splitlines()[0]
        module.add_arguments(commands.add_parser(name, help=text, description=module.__doc__))


def run(args: argparse.Namespace) -> None:
    """Run the command that was named.

    Raises:
        UserError: it raises one.
    """
    COMMANDS[args.command].run(args)
