"""Checks of weaver's command line, as soon as a network config is loaded and before any jet is read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.before_weaver import would_be_overwritten
from hepjepa_weaver.weaver_api.log import logger


def check_command(args: Any, is_pretraining: bool) -> None:
    """Check what would fail late, give something else than asked for, or end in a traceback.

    Args:
        args: weaver's parsed command line, complete with defaults.
        is_pretraining: whether the network is trained without labels.

    Raises:
        UserError: the message names the option and the remedy.
    """
    if args.export_onnx:
        return
    checks: list[Callable[[Any], None]] = [check_gpus, check_output, check_paths]
    if is_training(args):
        checks += [check_steps, check_fractions, check_pieces, check_memory, check_modes, check_lr_finder]
        checks += [check_pretraining] if is_pretraining else []
    for check in checks:
        check(args)


def is_training(args: Any) -> bool:
    """Tell whether weaver is to train, or to find a learning rate."""
    return "train" in args.run_mode and not args.predict and not args.export_onnx


def check_gpus(args: Any) -> None:
    """Check that the GPUs are there: weaver uses number 0 unless it is told not to.

    Raises:
        UserError: torch sees no GPU, or fewer.
    """
    for option, names in (("--gpus", args.gpus), ("--predict-gpus", args.predict_gpus)):
        if not names:
            continue
        if not torch.cuda.is_available():
            raise UserError(f"{option} is {names}, and torch sees no GPU here: give {option} '' to use the CPU")
        highest = max(int(name) for name in names.split(","))
        if args.backend is None and highest >= torch.cuda.device_count():
            raise UserError(f"{option} is {names}, and torch sees {torch.cuda.device_count()} GPUs, numbered from 0")
    if args.use_amp and not args.gpus:
        logger.warning("--use-amp has no effect on a CPU: leave it out, or give --gpus")


def check_steps(args: Any) -> None:
    """Check the number of steps and epochs.

    Raises:
        UserError: there is less than one.
    """
    if args.steps_per_epoch is not None and args.steps_per_epoch < 1:
        given = (
            f"--samples-per-epoch {args.samples_per_epoch} is less than a batch of {args.batch_size} jets"
            if args.samples_per_epoch is not None
            else f"--steps-per-epoch is {args.steps_per_epoch}"
        )
        raise UserError(f"{given}: an epoch needs at least one step")
    if args.num_epochs < 1:
        raise UserError(f"--num-epochs is {args.num_epochs}: it has to be at least 1")


def check_fractions(args: Any) -> None:
    """Check the fractions of jets, files and steps.

    Raises:
        UserError: one is out of its range.
    """
    for option in ("data_fraction", "data_fraction_val", "file_fraction"):
        value = getattr(args, option)
        if value is not None and not 0 < value <= 1:
            raise UserError(f"--{option.replace('_', '-')} is {value}: it has to be above 0 and at most 1")
    if not args.data_val and not 0 < args.train_val_split < 1:
        raise UserError(
            f"--train-val-split is {args.train_val_split}, which leaves nothing to train on or to validate with: give "
            "a fraction between 0 and 1, or --data-val"
        )


def check_pieces(args: Any) -> None:
    """Check the size and number of the pieces in which files are read.

    Raises:
        UserError: one is out of its range.
    """
    for option in ("fetch_step", "fetch_step_val") if args.fetch_by_files else ():
        value = getattr(args, option)
        if value is not None and value < 1:
            raise UserError(
                f"--{option.replace('_', '-')} is {value:g}: with --fetch-by-files it is the number of files to read "
                "at once, 1 or more"
            )
    for option in ("data_split_num", "data_split_val"):
        value = getattr(args, option)
        if value is not None and value < 1:
            raise UserError(f"--{option.replace('_', '-')} is {value}: it has to be at least 1")


def check_memory(args: Any) -> None:
    """Check that `--in-memory` holds all jets: weaver never reads more than the first fetch.

    Raises:
        UserError: the first fetch is a part of the jets.
    """
    if args.in_memory and (args.fetch_by_files or 0 < args.fetch_step < 1):
        raise UserError(
            f"--in-memory with --fetch-step {args.fetch_step:g} trains with that part of the jets alone: "
            "give --fetch-step 1 without --fetch-by-files, or leave out --in-memory"
        )


def check_modes(args: Any) -> None:
    """Check that weaver chooses the best epoch by the largest metric.

    Raises:
        UserError: `--regression-mode` makes the smallest the best.
    """
    if args.regression_mode:
        raise UserError(
            "--regression-mode takes the epoch with the lowest metric for the best, and the networks of hepjepa_weaver "
            "are better the larger it is: leave out --regression-mode; hepjepa_finetune.py regresses with -o target "
            "regression"
        )


def check_lr_finder(args: Any) -> None:
    """Check the three numbers of `--lr-finder`.

    Raises:
        UserError: they are no numbers, or make no range.
    """
    if args.lr_finder is None:
        return
    try:
        start, end, number = args.lr_finder.replace(" ", "").split(",")
        is_range = 0 < float(start) < float(end) and int(number) > 1
    except ValueError:
        is_range = False
    if not is_range:
        raise UserError(f"--lr-finder is {args.lr_finder}: give lowest rate, highest rate and steps, as 1e-5,1,100")


def check_output(args: Any) -> None:
    """Check that the files of a run can be written, before and not after it.

    Raises:
        UserError: a folder cannot be written to.
    """
    paths = {"--model-prefix": args.model_prefix if is_training(args) else None}
    if args.data_test and "test" in args.run_mode and args.predict_output:
        is_name = not os.path.dirname(args.predict_output)
        folder = Path(args.model_prefix).parent / "predict_output" if is_name else Path(args.predict_output).parent
        paths["--predict-output"] = str(folder / Path(args.predict_output).name)
    for option, path in paths.items():
        if path:
            _check_writable(option, Path(path).parent)
    if args.lr_finder:
        _check_writable("--lr-finder (lr_finder.png)", Path())


def _check_writable(option: str, folder: Path) -> None:
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"{option}: {folder} cannot be written to ({there} is read-only or no folder): give another path"
        )


def check_paths(args: Any) -> None:
    """Check names that weaver reads in another way than they are meant.

    Raises:
        UserError: a colon splits a path, or weaver has written to a data config.
    """
    if is_training(args) and ":" in args.model_prefix:
        raise UserError(f"--model-prefix {args.model_prefix}: weaver splits it at the colon; give a path without one")
    for option in ("data_config", "data_config_val"):
        path = getattr(args, option)
        if is_training(args) and path and would_be_overwritten(Path(path)):
            raise UserError(
                f"--{option.replace('_', '-')} {path} does not end in .yaml: weaver writes its automatic "
                "standardisation and weights over such a file; rename it, after a look at what it holds now"
            )


def check_standardisation(data_config: Any) -> None:
    """Check that every input has its standardisation: an exported network would have none.

    Args:
        data_config: weaver's.

    Raises:
        UserError: one is still to be computed.
    """
    missing = [name for name, info in data_config.preprocess_params.items() if info["center"] == "auto"]
    if missing:
        raise UserError(
            f"{', '.join(missing)} have no standardisation in the data config: give the NAME.HASH.auto.yaml that "
            "weaver has written beside it in the training"
        )


def check_pretraining(args: Any) -> None:
    """Check for options that pre-training does not follow.

    Raises:
        UserError: there is one.
    """
    if args.tensorboard_custom_fn:
        raise UserError("pre-training calls no --tensorboard-custom-fn: leave it out; `_metrics.jsonl` has all scalars")
