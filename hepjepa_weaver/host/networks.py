"""The registry of networks: each is one file in `network_configs/`, whose `network` names its parts.

A network config shows its wiring and gets its hooks here:

    def build(data_config, options):
        inputs, file = network_inputs(data_config, options.weaver.for_inference), options.clusters.particle_statistics
        clusters = statistics_if_needed(options.loss.composition_weight > 0, file, data_config)
        return Jepa(inputs, options, clusters)

    network = pretraining_network(JepaConfig, build, loss=lambda options: JepaLoss(options.loss))
    get_model, get_loss, get_train_fn, get_evaluate_fn, init_opt = network.hooks()
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.shipped import shipped_root
from hepjepa_weaver.config.network_options import NetworkOptions
from hepjepa_weaver.config.options import config_from_options
from hepjepa_weaver.config.pretraining import PretrainingConfig
from hepjepa_weaver.config.tokenizer import TokenizerConfig
from hepjepa_weaver.host import classification, epochs, lr_finder
from hepjepa_weaver.host.command_line import check_command, check_standardisation, is_training
from hepjepa_weaver.host.hooks import model_info, weaver_hook
from hepjepa_weaver.host.labels import check_split, num_classes
from hepjepa_weaver.host.start_weights import check_start_weights
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from hepjepa_weaver.model.made_with import describe, made_with
from hepjepa_weaver.objectives.target_loss import TargetLoss
from hepjepa_weaver.runtime.seeds import start_random_numbers
from hepjepa_weaver.training import loop, regression, validation
from hepjepa_weaver.training.optimiser import init_finetuning_opt, init_opt
from hepjepa_weaver.weaver_api.command import running_command
from hepjepa_weaver.weaver_api.log import logger
from hepjepa_weaver.weaver_api.training import import_module

FOLDER = "network_configs"

Build = Callable[[Any, Any], nn.Module]
"""Builds a network from weaver's data config and the options."""
Outputs = Callable[[Any], tuple[str, ...]]
"""Names a network's outputs, for ONNX, from the options."""


class Hooks(NamedTuple):
    """The functions that weaver looks for in a network config, in the order in which a config names them."""

    get_model: Callable[..., Any]
    get_loss: Callable[..., Any]
    get_train_fn: Callable[..., Any]
    get_evaluate_fn: Callable[..., Any]
    init_opt: Callable[..., Any]


@dataclass(frozen=True)
class Network:
    """A network that weaver can train.

    Attributes:
        options: dataclass of the `-o` options.
        build: builds the network.
        loss: makes the loss from the options.
        outputs: names the outputs, for ONNX, from the options.
        train: makes the training loop, with the signature of weaver's, from the options.
        evaluate: makes the evaluation loop, with the signature of weaver's, from the options.
        check: looks at network and command line before any file is opened.
        init_opt: makes optimiser and schedule.
    """

    options: type[NetworkOptions]
    build: Build
    loss: Callable[[Any], nn.Module]
    outputs: Outputs
    train: Callable[[Any], Callable[..., Any]]
    evaluate: Callable[[Any], Callable[..., Any]]
    check: Callable[[Any, Any], object]
    init_opt: Callable[..., Any] = init_opt

    def hooks(self) -> Hooks:
        """Return the hooks of the network config, and prepare weaver for them."""
        prepare_weaver()

        @weaver_hook
        def get_model(data_config: Any, **options: Any) -> tuple[nn.Module, dict[str, Any]]:
            config: Any = config_from_options(self.options, options)
            self._warn_of_preset(str(options.get("preset")))
            network = self._started(data_config, config)
            return network, model_info(data_config, *self.outputs(config))

        @weaver_hook
        def get_loss(data_config: Any, **options: Any) -> nn.Module:
            return self.loss(config_from_options(self.options, options))

        @weaver_hook
        def get_train_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
            config: Any = config_from_options(self.options, options)
            return partial(epochs.train_epoch, self.train(config), self.check, on_odd=config.run.check_inputs)

        @weaver_hook
        def get_evaluate_fn(data_config: Any, **options: Any) -> Callable[..., Any]:
            config: Any = config_from_options(self.options, options)
            return partial(epochs.evaluate, self.evaluate(config), on_odd=config.run.check_inputs)

        return Hooks(get_model, get_loss, get_train_fn, get_evaluate_fn, weaver_hook(self.init_opt))

    @property
    def is_pretrained(self) -> bool:
        """Whether the network is trained without labels."""
        return self.options.is_self_supervised

    def _is_regression(self, config: Any) -> bool:
        """Tell whether the labels are numbers alone."""
        return not self.is_pretrained and config.labels.target == "regression"

    def _warn_of_preset(self, preset: str) -> None:
        """Warn of a preset that needs care, if a training starts with it."""
        command, why = running_command(), self.options.presets_that_need_care().get(preset)
        if why and command is not None and is_training(command):
            logger.warning("-o preset %s needs care: %s", preset, why)

    def _started(self, data_config: Any, config: Any) -> nn.Module:
        """Build the network, with checks of the command line before and of the weights to start from after it."""
        command = running_command()
        if command is not None:
            check_command(command, self.is_pretrained)
            check_standardisation(data_config)
            if is_training(command) and not self._is_regression(config):
                check_split(command, data_config)
            if command.lr_finder:
                lr_finder.install()
        start_random_numbers(config.run)
        network = self.build(data_config, config)
        classes = None if self.is_pretrained else num_classes(data_config, config.labels)
        described = made_with(data_config, config, classes)
        describe(network, described)
        if command is not None:
            check_start_weights(command, described, config.run.other_inputs)
        return network


def pretraining_network(options: type[PretrainingConfig], build: Build, loss: Callable[[Any], nn.Module]) -> Network:
    """Return a network that is pre-trained without labels (`objectives.base`)."""

    def train(config: Any) -> Callable[..., Any]:
        return partial(loop.train_epoch, log_every=config.monitor.log_every)

    def evaluate(config: Any) -> Callable[..., Any]:
        return partial(validation.evaluate, probe_jets=config.monitor.probe_jets)

    return Network(options, build, loss, embedding_alone, train, evaluate, loop.check_command_line)


def tokenizer_network(options: type[TokenizerConfig], build: Build, loss: Callable[[Any], nn.Module]) -> Network:
    """Return a tokenizer, which the loop of pre-training trains (`objectives.tokenizing`)."""

    def train(config: Any) -> Callable[..., Any]:
        return partial(loop.train_epoch, log_every=config.monitor.log_every)

    def evaluate(config: Any) -> Callable[..., Any]:
        return validation.evaluate

    return Network(options, build, loss, codes_alone, train, evaluate, loop.check_command_line)


def classifier_network(
    options: type[NetworkOptions], build: Build, outputs: Outputs | None = None, has_layer_rates: bool = False
) -> Network:
    """Return a network that weaver's own classification loop trains with labels, or for numbers one of ours.

    Args:
        options: dataclass of the `-o` options.
        build: builds the network.
        outputs: names the outputs, if there are others than scores.
        has_layer_rates: give every block its own learning rate, as a `FineTuned` network takes it.
    """

    def loss(config: Any) -> nn.Module:
        return TargetLoss(config.labels) if has_numbers(config) else nn.CrossEntropyLoss()

    def train(config: Any) -> Callable[..., Any]:
        return regression.train_epoch if has_numbers(config) else classification.train

    def evaluate(config: Any) -> Callable[..., Any]:
        return regression.evaluate if has_numbers(config) else classification.evaluate

    optimiser = init_finetuning_opt if has_layer_rates else init_opt
    return Network(options, build, loss, outputs or scores_alone, train, evaluate, classification.ready, optimiser)


def has_numbers(config: Any) -> bool:
    """Tell whether the labels of a network are, or include, numbers to regress."""
    return bool(config.labels.target != "classes")


def embedding_alone(config: Any) -> tuple[str, ...]:
    """Return the names of the outputs of a network that is pre-trained."""
    return ("embedding",)


def codes_alone(config: Any) -> tuple[str, ...]:
    """Return the names of the outputs of a tokenizer."""
    return ("codes",)


def scores_alone(config: Any) -> tuple[str, ...]:
    """Return the names of the outputs of a classifier."""
    return ("softmax",)


def network_names() -> list[str]:
    """Return the names of the networks that come with the package."""
    return sorted(path.stem for path in (shipped_root() / FOLDER).glob("*.py"))


def find_network(name: str) -> Network:
    """Return a network by its name, or by the path of its network config.

    Raises:
        UserError: there is no such network, or its file has no `network`.
    """
    paths = [Path(name), shipped_root() / FOLDER / f"{name}.py"]
    path = next((path for path in paths if path.suffix == ".py" and path.is_file()), None)
    if path is None:
        raise UserError(
            f"there is no network {name}: give {', '.join(network_names())}, or the path of a network config"
        )
    network = getattr(import_module(str(path)), "network", None)
    if not isinstance(network, Network):
        raise UserError(f"{path} has no `network` made by pretraining_network or classifier_network")
    return network
