"""Measure tokenizers side by side on the same jets, and write a report."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.errors import UserError, require_at_least
from hepjepa_weaver.common.markdown import require_markdown
from hepjepa_weaver.common.measurement import format_value
from hepjepa_weaver.datasets.jet_files import unfolded
from hepjepa_weaver.embedding.pretrained_tokenizer import PretrainedTokenizer, open_tokenizer
from hepjepa_weaver.evaluation.canvas import new_figure
from hepjepa_weaver.fidelity.classifier_networks import NETWORKS
from hepjepa_weaver.generation.reconstructed_jets import ReconstructedJets
from hepjepa_weaver.generation.token_coverage import CODES, CONTEXTS
from hepjepa_weaver.generation.token_quality import (
    QualitySettings,
    compare_tokenizers,
    read_test_jets,
    read_training_jets,
)
from hepjepa_weaver.generation.token_report import ORIGINAL, write_token_report
from hepjepa_weaver.generation.token_tagging import (
    BASELINE,
    RATES,
    TaggerComparison,
    TaggerRow,
    TaggerSettings,
    compare_taggers,
)
from hepjepa_weaver.runtime.devices import usable_device
from hepjepa_weaver.simulation.clustering import import_fastjet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa tokens evaluate`."""
    parser.add_argument(
        "tokenizers",
        nargs="+",
        metavar="TITLE CHECKPOINT",
        help="name in the report, and …_state.pt, of each tokenizer",
    )
    parser.add_argument("--data-config", type=Path, required=True, help="data config of the tokenizers' training")
    parser.add_argument("--test", nargs="+", type=Path, metavar="FILE", required=True, help="jets to measure on")
    parser.add_argument("--jets", type=int, metavar="N", help="the most test jets, as many of each class (all)")
    parser.add_argument("--by-class", action="store_true", help="draw the observables of each class, too")
    parser.add_argument(
        "--coverage-codes", type=int, default=CODES, metavar="N", help="codes to decode in random jets, 0 for none "
        "(%(default)s)"
    )  # fmt: skip
    parser.add_argument(
        "--coverage-contexts", type=int, default=CONTEXTS, metavar="N", help="random jets for each code (%(default)s)"
    )
    parser.add_argument("--tagger-steps", type=int, default=0, help="training steps of each tagger (0: no taggers)")
    parser.add_argument("--tagger-network", choices=NETWORKS, help="network of the taggers (one after the other)")
    parser.add_argument(
        "--tagger-rates",
        type=float,
        nargs="+",
        default=list(RATES),
        metavar="RATE",
        help="learning rates to try (1e-3)",
    )
    parser.add_argument("--train", nargs="+", type=Path, metavar="FILE", help="jets to train taggers on")
    parser.add_argument("--train-jets", type=int, metavar="N", help="the most training jets (all)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (%(default)s)")
    parser.add_argument("--device", default="cpu", help="device of torch, such as cuda:0 (%(default)s)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="report to write; the rest goes next to it")


def run(args: argparse.Namespace) -> None:
    """Measure the tokenizers and write the report.

    Raises:
        UserError: an argument is wrong, a file cannot be read, or an optional package is missing. Also if a checkpoint
            holds no tokenizer or one that was trained with another data config.
    """
    check_arguments(args)
    checkpoints = titled(args.tokenizers)
    tokenizers = {title: open_tokenizer(path, args.data_config, args.device) for title, path in checkpoints.items()}
    test = read_test_jets(tokenizers, unfolded(args.test), args.jets, args.seed)
    taggers = train_taggers(args, tokenizers, test) if args.tagger_steps else None
    settings = QualitySettings(args.coverage_codes, args.coverage_contexts, args.seed)
    quality = compare_tokenizers(tokenizers, test, settings)
    write_token_report(quality, args.out, taggers, args.by_class)
    print(f"wrote {args.out}")


def check_arguments(args: argparse.Namespace) -> None:
    """Check the arguments before anything is read.

    Raises:
        UserError: a number is too small, or an option lacks its counterpart. Also if the device, matplotlib or FastJet
            is missing.
    """
    least = {"jets": 1, "train_jets": 1, "coverage_codes": 0, "coverage_contexts": 2, "tagger_steps": 0, "seed": 0}
    require_at_least(args, least)
    if bool(args.train) != bool(args.tagger_steps):
        raise UserError("--train holds the jets that taggers of --tagger-steps are trained on: give both or neither")
    if not all(rate > 0 for rate in args.tagger_rates):
        raise UserError(f"--tagger-rates are {', '.join(map(str, args.tagger_rates))}: they have to be above 0")
    require_markdown(args.out)
    usable_device(args.device)
    new_figure(1, 1)
    import_fastjet()


def titled(words: Sequence[str]) -> dict[str, Path]:
    """Return the checkpoints by title, given titles and checkpoints in turn.

    Raises:
        UserError: a checkpoint is missing, a title cannot be drawn, or two tokenizers have the same title.
    """
    titles, paths = words[::2], [Path(word) for word in words[1::2]]
    if len(titles) != len(paths):
        raise UserError(f"{' '.join(words)}: give a title and a checkpoint for each tokenizer, in turn")
    for title in titles:
        if not title or "$" in title:
            raise UserError(f"the title '{title}' is empty, or has a $ of which pictures make formulas: give another")
        if titles.count(title) > 1 or title == ORIGINAL:
            raise UserError(f"the title {title} is taken: give each tokenizer one of its own")
    return dict(zip(titles, paths, strict=True))


def train_taggers(
    args: argparse.Namespace, tokenizers: dict[str, PretrainedTokenizer], test: dict[str, ReconstructedJets]
) -> TaggerComparison:
    """Train taggers on the jets of --train, test them, and print each result.

    Raises:
        UserError: jets lack labels, or the training jets a class.
    """
    first = next(iter(test.values()))
    train = read_training_jets(tokenizers, unfolded(args.train), first.original, args.train_jets, args.seed)
    networks = (args.tagger_network,) if args.tagger_network else NETWORKS
    settings = TaggerSettings(args.tagger_steps, networks, tuple(args.tagger_rates), args.seed, args.device)
    num_codes = {title: tokenizer.num_codes for title, tokenizer in tokenizers.items()}
    return compare_taggers(train, test, num_codes, settings, print_row)


def print_row(row: TaggerRow) -> None:
    """Print the result of one tagger."""
    reads = BASELINE if not row.tokenizer else f"{row.reads} of {row.tokenizer}"
    print(f"{row.network} on {reads}: accuracy {format_value(row.accuracy)}", flush=True)
