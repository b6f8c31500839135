"""Measure a weaver prediction: accuracy, AUC, calibration error and background rejections.

Of regressed numbers, such as a mass, it measures bias, resolution and tails. Each has an interval from bootstrap
replicas of the test jets. Writes a JSON file.

    hepjepa evaluate test.parquet --data-config "$(hepjepa where JetClass_full)" -o metrics.json
"""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.evaluation.bootstrap import QUANTILES, REPLICAS, Interval, bootstrap_metrics
from hepjepa_weaver.evaluation.predictions import read_labels, read_predictions
from hepjepa_weaver.evaluation.regressed_numbers import number_metrics, read_numbers, require_known
from hepjepa_weaver.evaluation.significance import significance_metrics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hepjepa evaluate`."""
    parser.add_argument(
        "prediction", type=Path, nargs="+", help="prediction files, .parquet or .root; several are joined"
    )
    parser.add_argument("--data-config", type=Path, required=True, help="data config that the prediction was made with")
    parser.add_argument("--background", default="QCD", help="class to reject (%(default)s)")
    parser.add_argument(
        "--significance", action="store_true", help="significance improvement as well, for a signal and a background"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")


def run(args: argparse.Namespace) -> None:
    """Write the metrics with their intervals, and the number of jets per class.

    Raises:
        UserError: a file cannot be read or gives no meaningful metrics, or the background is no class.
    """
    labels = read_labels(args.data_config)
    numbers = read_numbers(args.prediction, labels.numbers)
    metrics: dict[str, Interval] = {}
    content: dict[str, Any] = {"jets_per_class": {}}
    if labels.column not in [number.name for number in numbers]:
        predictions = read_predictions(args.prediction, labels.names, labels.column)
        metrics |= bootstrap_metrics(predictions, args.background)
        if args.significance:
            metrics |= significance_metrics(predictions, args.background)
        content = {"jets_per_class": predictions.jets_per_class(), "background": args.background}
    else:
        require_known(numbers)
    for number in numbers:
        metrics |= number_metrics(number)
    if numbers:
        content["jets_with_number"] = {number.name: len(number.true) for number in numbers}
    content |= {
        "interval": {"quantiles": QUANTILES, "replicas": REPLICAS},
        "metrics": {name: dataclasses.asdict(interval) for name, interval in metrics.items()},
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(args.output) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
