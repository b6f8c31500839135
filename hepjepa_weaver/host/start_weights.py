"""The checkpoint that a weaver command starts from, and whether it was made for the same inputs, labels and options."""

import re
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.command_line import is_training
from hepjepa_weaver.model.made_with import MadeWith, read_made_with
from hepjepa_weaver.model.weights import read_weights
from hepjepa_weaver.training.checkpoints import check_epoch
from hepjepa_weaver.weaver_api.command import running_command
from hepjepa_weaver.weaver_api.log import logger

PAIRS = "pair_embed."
HEADS = ("fc.0.weight", "mod.fc.0.weight")
"""Names of weights by which `--exclude-model-weights` leaves out a head."""


def checkpoint_of(args: Any) -> Path | None:
    """Return the checkpoint that a command starts from; None if there is none.

    Args:
        args: weaver's parsed command line.
    """
    if not is_training(args):
        prefix = args.model_prefix.partition(":")[0]
        path = prefix if prefix.endswith((".pt", ".onnx")) else f"{prefix}_best_epoch_state.pt"
    elif args.load_epoch is not None:
        path = f"{args.model_prefix}_epoch-{args.load_epoch}_state.pt"
    else:
        path = (args.load_model_weights or "").partition(":")[0]
    return Path(path) if path.endswith(".pt") and Path(path).is_file() else None


def predicts_by_onnx(args: Any) -> bool:
    """Tell whether a command predicts with an exported network, and none of the weights here is used."""
    return not is_training(args) and args.model_prefix.partition(":")[0].endswith(".onnx")


def checkpoint_of_running_command() -> Path | None:
    """Return the checkpoint that the running weaver command starts from; None if there is none, or no command.

    Raises:
        UserError: the checkpoint of `--load-epoch` is not whole. The message names the last epoch that is.
    """
    command = running_command()
    if command is None:
        return None
    if is_training(command) and command.load_epoch is not None:
        check_epoch(command.model_prefix, command.load_epoch)
    return checkpoint_of(command)


def check_start_weights(args: Any, now: MadeWith, takes_other_inputs: bool) -> None:
    """Check that the checkpoint of a command was made for the inputs, labels and options of this network.

    Args:
        args: weaver's parsed command line.
        now: description of the network that is to take the weights.
        takes_other_inputs: `-o other_inputs`.

    Raises:
        UserError: inputs, labels or options differ. The message names what does.
    """
    path = checkpoint_of(args)
    if path is None:
        return
    saved = read_made_with(path)
    if saved is None:
        _warn_of_pairs(path, now)
        return
    other = saved.other_inputs(now.inputs)
    if other and not takes_other_inputs:
        raise UserError(
            f"{path} was trained with other inputs: {other}; give the data config of its training, or -o other_inputs "
            "True if this is what you want"
        )
    is_same_network = not is_training(args) or args.load_epoch is not None
    keeps_head = not any(
        re.match(pattern, name)
        for pattern in (args.exclude_model_weights or "").split(",")
        if pattern
        for name in HEADS
    )
    labels = saved.other_labels(now) if keeps_head else ""
    if labels and (is_training(args) or len(now.labels) > 1 or now.num_classes == 0):
        raise UserError(
            f"{path} was trained with other labels: {labels}; give them in that order, or train a new head with "
            "--exclude-model-weights 'fc.+,mod.fc.+'"
        )
    is_cut = now.num_classes is not None and now.num_classes != len(now.labels) and not is_training(args)
    is_cut = is_cut and now.options.get("target", "classes") == "classes"  # the others are written as they are
    if is_cut and (args.predict_output or "").endswith(".root"):
        raise UserError(
            f"--predict-output {args.predict_output}: weaver writes the scores of the {len(now.labels)} labels of the "
            f"data config, and the network has {now.num_classes}: write a .parquet file"
        )
    options = saved.other_options(now, is_same_network)
    if options and args.load_epoch is not None and is_training(args):
        logger.warning("%s was made with other options: %s", path, options)
    elif options:
        raise UserError(f"{path} was made with other options: {options}; give those of its training")


def _warn_of_pairs(path: Path, now: MadeWith) -> None:
    """Warn that a checkpoint of other code does not tell how its pairwise term ends."""
    value = now.options.get("use_pre_activation_pair")
    try:
        weights = read_weights(path, "checkpoint")
    except UserError:
        return  # it is told where the weights are loaded
    if value is not None and any(PAIRS in name for name in weights):
        logger.warning(
            "%s does not tell whether its pairwise term ends in an activation, and is taken as with "
            "-o use_pre_activation_pair %s: that of weaver's default and of Sophon is True, that of the "
            "particle_transformer repository False",
            path, value,
        )  # fmt: skip
