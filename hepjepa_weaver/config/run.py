"""Options of every network: the seed, and what weaver itself passes."""

from dataclasses import dataclass, fields
from typing import Literal

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.option import Options, Valid, above, at_least, option, require


@dataclass(frozen=True)
class WeaverOptions(Options):
    """Options that weaver itself adds; a user cannot set them with `-o`."""

    for_inference: bool = option(False, "set by `--export-onnx`")
    use_amp: bool = option(False, "set by `--use-amp`")
    compile_model: bool = option(False, "set by `--compile`")


@dataclass(frozen=True)
class LabelConfig(Options):
    """Labels of a classifier.

    Attributes:
        target: what the network learns: "classes", "regression" of numbers, or "hybrid", which is both.
    """

    target = "classes"  # without a type: it is no option

    num_classes: int = option(
        0,
        "number of classes of an integer label (`labels: type: custom`). 0: as the training files have, or as the "
        "checkpoint has. Labels of `type: simple` name their classes themselves",
        at_least(0),
    )


def have_quantiles() -> Valid:
    """Allow fractions between 0 and 1, ascending, the median among them."""
    words = "fractions between 0 and 1, ascending, with 0.5 among them"
    return Valid(lambda given: 0.5 in given and list(given) == sorted({q for q in given if 0 < q < 1}), words)


@dataclass(frozen=True)
class TargetLabelConfig(LabelConfig):
    """Labels of a network that classifies, regresses, or does both."""

    target: Literal["classes", "regression", "hybrid"] = option(
        "classes",
        "what the labels are. classes: the class of a jet. regression: numbers, such as a mass, by `labels: type: "
        "custom`. hybrid: the first label is the class, the others are numbers. A number that is NaN is not learned",
    )
    regression_loss: Literal["log_cosh", "squared", "absolute", "quantile"] = option(
        "log_cosh",
        "loss of a number, in units of its standard deviation in training. quantile: predicts those of `quantiles`",
    )
    quantiles: tuple[float, ...] = option(
        (0.16, 0.5, 0.84), "quantiles of a number that regression_loss quantile predicts", have_quantiles()
    )
    regression_weight: float = option(
        1.0, "weight of the losses of numbers beside that of the class, with target hybrid", above(0)
    )

    @property
    def predicted_quantiles(self) -> tuple[float, ...]:
        """The quantiles that are predicted of a number; none if one value is."""
        return self.quantiles if self.regression_loss == "quantile" else ()

    def __post_init__(self) -> None:
        super().__post_init__()
        start = {item.name: item.default for item in fields(self)}
        used = {
            "num_classes": self.target != "regression",
            "regression_loss": self.target != "classes",
            "quantiles": self.regression_loss == "quantile",
            "regression_weight": self.target == "hybrid",
        }
        for name, is_used in used.items():
            value = getattr(self, name)
            require(is_used or value == start[name], name, value, f"left out: target is {self.target!r} and "
                    f"regression_loss {self.regression_loss!r}")  # fmt: skip


@dataclass(frozen=True)
class RunConfig(Options):
    """Random numbers of a run, and its start."""

    other_inputs: bool = option(
        False,
        "take a checkpoint whose inputs have other names, another order or another standardisation than the data "
        "config. Otherwise it is refused",
    )

    check_inputs: Literal["warn", "error"] = option(
        "warn",
        "what to do if the first jets look as if they were converted wrongly: units, signs, missing tracks, types, or "
        "sums that are odd",
    )

    seed: int = option(
        -1,
        "seed of weights, batches, masks and dropout. -1: a random seed, as in weaver. Give a resumed run another "
        "seed, or it sees the same batches again",
    )


def check_not_exported(weaver: WeaverOptions) -> None:
    """Check that a network with a codebook is not to be exported.

    Raises:
        UserError: it is.
    """
    if weaver.for_inference:
        raise UserError("--export-onnx: a network with a codebook is not exported; an encoder of features is")
