r"""Write report.md, with tables and plots, from the predictions and TensorBoard scalars of a run.

The plots are ROC curves and, if asked for, curves of the trainings.

    hepjepa report --data-config "$(hepjepa where JetClass_full)" --prediction 'ParT from scratch' test.parquet \
        --curves ParT 'runs/*_part' --out report.md
"""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import require_markdown
from hepjepa_weaver.evaluation.plots import plot_finetuning, plot_pretraining, plot_roc
from hepjepa_weaver.evaluation.predictions import read_labels, read_predictions
from hepjepa_weaver.evaluation.regressed_numbers import read_numbers, require_known
from hepjepa_weaver.evaluation.report import Report, read_commands, write_report
from hepjepa_weaver.evaluation.tables import check_same_jets
from hepjepa_weaver.evaluation.training_curves import newest_run, read_curves


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa report`."""
    parser.add_argument(
        "--data-config", type=Path, required=True, help="data config that the predictions were made with"
    )
    parser.add_argument(
        "--prediction",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME", "FILE"),
        help="name of a table row, and its prediction files, .parquet or .root; several are joined",
    )
    parser.add_argument("--background", default="QCD", help="class to reject (%(default)s)")
    parser.add_argument(
        "--pretraining-curves",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "DIR"),
        help="name and TensorBoard directory of a pre-training; a quoted pattern means its newest match",
    )
    parser.add_argument(
        "--curves",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "DIR"),
        help="name and TensorBoard directory of a fine-tuning or a training from scratch",
    )
    parser.add_argument("--commands", type=Path, help="log with one line per step: seconds<TAB>command")
    parser.add_argument("--out", type=Path, required=True, help="report to write; the plots go next to it")


def run(args: argparse.Namespace) -> None:
    """Write the report and its plots.

    All is read first, so that a mistake in the arguments shows before anything is written.

    Raises:
        UserError: the report's name is not one of Markdown, or a file cannot be read. Also if a name is
            given twice, or the networks were not tested on the same jets.
    """
    require_markdown(args.out)
    labels = read_labels(args.data_config)
    given = {name: [Path(file) for file in files] for name, *files in unique(args.prediction, "--prediction")}
    numbers = {name: found for name, paths in given.items() if (found := read_numbers(paths, labels.numbers))}
    has_classes = labels.column not in [number.name for found in numbers.values() for number in found]
    networks = {
        name: read_predictions(paths, labels.names, labels.column) for name, paths in given.items() if has_classes
    }
    if networks:
        check_same_jets(networks)
    else:
        require_known([number for found in numbers.values() for number in found])
    pretraining, finetuning = (
        {name: read_curves(newest_run(pattern)) for name, pattern in unique(runs, option)}
        for runs, option in ((args.pretraining_curves, "--pretraining-curves"), (args.curves, "--curves"))
    )
    commands = read_commands(args.commands) if args.commands else []

    folder = args.out.parent
    plots = {}
    if networks:
        plots["ROC curves"] = folder / "roc.png"
        plot_roc(networks, plots["ROC curves"], args.background)
    if pretraining:
        plots["Pre-training"] = folder / "pretraining.png"
        plot_pretraining(pretraining, plots["Pre-training"])
    if finetuning:
        plots["Fine-tuning"] = folder / "finetuning.png"
        plot_finetuning(finetuning, plots["Fine-tuning"])
    write_report(Report(networks, numbers, args.background, plots, commands), args.out)


def unique(entries: list[list[str]], option: str) -> list[list[str]]:
    """Return `entries`, each a name and its files.

    Raises:
        UserError: a name has no files, or is given twice.
    """
    names = [name for name, *_ in entries]
    for name, *files in entries:
        if not files:
            raise UserError(f"{option} {name}: give a name, then a file")
        if names.count(name) > 1:
            raise UserError(f"{option} {name}: the name is given twice; each needs its own")
    return entries
