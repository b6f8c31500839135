"""Weaver's loaders, prepared for training, validation or test by what the network needs, and what a test gives."""

from collections.abc import Collection, Sequence
from typing import Any

from hepjepa_weaver.host.predictions import in_file_order
from hepjepa_weaver.host.reading import ADDED, NUM_CLASSES, NUMBERS
from hepjepa_weaver.host.unreadable import leave_out_unreadable, report_changes, require_readable
from hepjepa_weaver.model.made_with import MadeWith
from hepjepa_weaver.model.regressor import JetRegressor
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.weaver_api.loaders import add_observers, files_of, read_in_passes, set_sampler_option
from hepjepa_weaver.weaver_api.training import unwrap_model


def prepare_training(loader: Any, patterns: Sequence[str], model: Any) -> None:
    """Have a loader leave out unreadable files, and check labels if the network needs them."""
    leave_out_unreadable(loader, patterns, takes_unlabelled=_is_pretrained(model))
    set_sampler_option(loader, NUM_CLASSES, num_classes_of(model) or None)
    set_sampler_option(loader, NUMBERS, numbers_of(model))


def prepare_validation(loader: Any, args: Any, model: Any) -> None:
    """Have a loader of validation give each readable jet at most once an epoch, without weights."""
    prepare_training(loader, args.data_val or args.data_train, model)
    read_in_passes(loader)
    set_sampler_option(loader, "reweight", False)


def prepare_test(loader: Any, numbers: Collection[str] = ()) -> None:
    """Check the files of a test, and have their jets come with file and entry.

    Args:
        loader: weaver's.
        numbers: labels that are numbers to regress.

    Raises:
        UserError: a file cannot be read.
    """
    require_readable(loader)
    set_sampler_option(loader, NUMBERS, numbers)
    add_observers(loader, ADDED)


def finished_test(result: Any, loader: Any, args: Any, labels_known: bool) -> Any:
    """Return what weaver writes of a test, in the order of the files; tell what was changed in its jets."""
    files = files_of(loader)
    report_changes(files, "test")
    as_text = not (args.predict_output or "").endswith(".root")
    return in_file_order(result, files, as_text, labels_known)


def numbers_of(model: Any) -> tuple[str, ...]:
    """Return the names of the labels that a network regresses."""
    network = unwrap_model(model)
    return network.targets.names if isinstance(network, JetRegressor) else ()


def num_classes_of(model: Any) -> int | None:
    """Return the number of classes of a network; 0 for a regression, None for a network without labels."""
    described: MadeWith | None = getattr(unwrap_model(model), "made_with", None)
    return described.num_classes if described else None


def _is_pretrained(model: Any) -> bool:
    return isinstance(unwrap_model(model), SelfSupervised)
