"""Numbers that an exported network regresses: weaver reads the first output of an ONNX file, and knows no names."""

from dataclasses import fields
from typing import Any

from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.config.run import TargetLabelConfig
from hepjepa_weaver.host.labels import regressed_names
from hepjepa_weaver.host.predictions import Prediction
from hepjepa_weaver.model.regression_targets import RegressionTargets
from hepjepa_weaver.weaver_api.log import logger


def label_options(args: Any) -> TargetLabelConfig:
    """Return what the options of a command say of the labels.

    Args:
        args: weaver's parsed command line.
    """
    known = {item.name for item in fields(TargetLabelConfig)}
    return TargetLabelConfig(**{name: value_or_text(value) for name, value in args.network_option if name in known})


def with_numbers(prediction: Prediction, data_config: Any, options: TargetLabelConfig) -> Prediction:
    """Return a prediction of an ONNX file with its numbers as columns of their own, as of the network itself."""
    if options.target == "hybrid":
        logger.warning(
            "weaver reads the first output of an ONNX file alone: its numbers are not written. `hepjepa embed "
            "--scores`, or --predict with the checkpoint, writes them"
        )
    if options.target != "regression":
        return prediction
    metric, scores, labels, observers = prediction
    names = regressed_names(data_config, options)
    columns = RegressionTargets(
        names, options.predicted_quantiles, [0.0] * len(names), [1.0] * len(names)
    ).column_names()
    return metric, scores, labels, {**observers, **dict(zip(columns, scores.T, strict=True))}
