"""The options behind the words of a plan, presets and defaults expanded."""

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.shipped import shipped_path
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.option import value_before
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.pretraining import PretrainingConfig
from hepjepa_weaver.config.run import RunConfig, WeaverOptions
from hepjepa_weaver.config.speed import SpeedConfig
from hepjepa_weaver.studies.planned_training import Pretraining
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Method


@functools.cache
def options_of(network: str) -> type[NetworkOptions] | None:
    """Return the config dataclass of a network.

    It is None for a network config from outside the package, whose options are not known.

    Raises:
        UserError: no shipped network has this name, or the path holds no file.
    """
    from hepjepa_weaver.host.networks import find_network  # noqa: PLC0415  # takes seconds, and few jobs need it

    try:
        return find_network(network).options
    except UserError:
        if network.endswith(".py") and Path(network).is_file():
            return None
        raise


def pretrains(network: str) -> bool:
    """Return whether a network is one to pre-train.

    A network config from outside the package is taken to be what the plan uses it for.
    """
    config = options_of(network)
    return config is None or issubclass(config, PretrainingConfig)


def config_path(network: str) -> str:
    """Return the path of the network config for `weaver`.

    The path is relative at the top of a checkout, else that of the installed package.
    """
    return found_here_or_shipped(network if network.endswith(".py") else f"network_configs/{network}.py")


def found_here_or_shipped(path: str) -> str:
    """Return a path as it is if a file is there, else the path of the shipped file.

    If there is no such shipped file, the path is returned as it is.
    """
    if Path(path).exists():
        return path
    try:
        shipped = shipped_path(path)
    except UserError:
        return path  # the error comes from what reads it
    return str(shipped) if shipped.exists() else path


def size_words(plan: StudyPlan, network: str) -> tuple[str, ...]:
    """Return the words that choose the plan's encoder size, or none for a network without an encoder."""
    config = options_of(network)
    has_encoder = config is None or "encoder" in vars(config())
    return ("-o", "size", plan.size) if plan.size and has_encoder else ()


def pretraining_config(plan: StudyPlan, setting: Pretraining, **options: str) -> Any:
    """Return the config of a setting of pre-training, or None if its network's options are not known.

    Args:
        plan: the study.
        setting: the setting of pre-training.
        **options: values that overrule those of the setting.
    """
    words = pretraining_words(setting)
    return _config(plan, setting.network, {**options_in(*words), **options})


def view_options(setting: Pretraining, view: str) -> dict[str, str]:
    """Return the options that write embeddings of a view (encoder_pooling, such as target_mean).

    Raises:
        UserError: the view asks for a target encoder, and the network has none.
    """
    encoder, pooling = view.split("_")
    if _has_option(setting.network, "embed_with"):
        return {"embed_with": encoder, "embedding": pooling}
    if encoder != "context":
        raise UserError(f"{setting.network} has no {encoder} encoder, but a context encoder alone")
    return {"embedding": pooling}


def method_config(plan: StudyPlan, method: Method, setting: Pretraining | None = None, recipe: str = "") -> Any:
    """Return the config of a training with labels, or None if its network's options are not known.

    Args:
        plan: the study.
        method: the method to train.
        setting: setting of pre-training to start from.
        recipe: words of the recipe.
    """
    shared = setting.shared if setting else ""
    return _config(plan, method.network, options_in(shared, method.weaver, plan.training.weaver, recipe))


def pretraining_words(setting: Pretraining) -> tuple[str, str, str]:
    """Return the words of a plan about a pre-training; each text is overruled by the next."""
    return setting.weaver, setting.shared, setting.options


def options_in(*texts: str) -> dict[str, Any]:
    """Return the `-o` options in words of a command line.

    Raises:
        UserError: a text is no command line.
    """
    parts = [word for text in texts for word in words_in(text)]
    places = [place for place, word in enumerate(parts[:-2]) if word == "-o"]
    return {parts[place + 1]: value_or_text(parts[place + 2]) for place in places}


def words_in(text: str) -> list[str]:
    """Return the words of a command line.

    Raises:
        UserError: the text is no command line.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no command line: {error}") from error


def as_text(config: Any) -> str:
    """Return every option with its value as text, except the seed, weaver's own options and those of speed alone."""
    return _text([(name, getattr(part, name)) for part, name in _counted(config)])


def as_text_before(config: Any) -> str:
    """Return the same options with the values that stand for versions without them, from a config of defaults."""
    return _text([(name, value_before(part, name)) for part, name in _counted(config)])


def _text(values: Sequence[tuple[str, Any]]) -> str:
    return "; ".join(f"{name} {value}" for name, value in values)


def _counted(config: Any) -> list[tuple[Any, str]]:
    """Return the names of the options that may change a result, each with the part of the config that it belongs to."""
    left_out = (RunConfig, WeaverOptions, SpeedConfig)
    parts = [part for part in vars(config).values() if not isinstance(part, left_out)]
    return [(part, name) for part in parts for name in vars(part)]


def _config(plan: StudyPlan, network: str, options: Mapping[str, Any]) -> Any:
    config, size = options_of(network), size_words(plan, network)
    if config is None:
        return None
    return config_from_options(config, {**({"size": plan.size} if size else {}), **options})


def _has_option(network: str, name: str) -> bool:
    """Return whether a network has an option; a network whose options are not known is taken to have it."""
    config = options_of(network)
    return config is None or any(name in vars(part) for part in vars(config()).values())
