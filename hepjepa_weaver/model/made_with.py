"""What a checkpoint says of itself: its inputs with their order and standardisation, labels, options, version.

The text travels in the metadata that torch keeps beside the weights of a module. No weight is added, so that other code
loads a checkpoint as before.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hepjepa_weaver.common.environment import installed_version

KEY = "hepjepa_weaver"
GROUPS = ("pf_points", "pf_features", "pf_vectors", "sv_points", "sv_features", "sv_vectors")
OF_START = ("use_pre_activation_pair",)
"""Options of the encoder that change its output, and that no shape of a weight tells."""
OF_NETWORK = (*OF_START, "pooling", "embedding", "fc_params", "tokens", "num_patches", "patch_size", "num_registers",
              "pt_ranks", "embed_dims", "pair_embed_dims", "pair_bias", "num_heads", "num_layers", "num_cls_layers",
              "attention", "token_features", "own_identity_code", "encoding", "tokenizer_dim", "tokenizer_layers",
              "tokenizer_heads", "quantizer", "codes", "levels", "latent_dim", "backbone", "jet_totals",
              "class_condition", "longest", "token_head_layers", "token_head_heads", "masked_input", "target",
              "regression_loss", "quantiles")  # fmt: skip
"""Options that have to be the same where all weights are taken."""
CLOSE = 1e-6
"""Relative difference of numbers of a standardisation that are taken as equal."""

Inputs = Mapping[str, list[list[Any]]]
"""For each group of inputs, the name and the standardisation of each variable."""


@dataclass(frozen=True)
class MadeWith:
    """Description of a network.

    Attributes:
        inputs: for each group of inputs, the name and the standardisation of each variable: subtract, multiply, lowest
            and highest; None if it is not standardised.
        labels: names of the labels; those of the classes, in the order of the scores, if there are several.
        num_classes: number of scores; 0 for a regression, None for a network that is pre-trained.
        options: options of the network, by name.
        version: version of this package.
    """

    inputs: Inputs
    labels: list[str]
    num_classes: int | None
    options: Mapping[str, Any]
    version: str

    def other_inputs(self, now: Inputs) -> str:
        """Return the first difference between these inputs and other ones, in words; empty if there is none."""
        for group in GROUPS:
            before, after = self.inputs.get(group, []), now.get(group, [])
            if len(before) != len(after):
                return f"{group} had {len(before)} variables and has {len(after)}"
            for place, (old, new) in enumerate(zip(before, after, strict=True), start=1):
                if old[0] != new[0]:
                    return f"variable {place} of {group} was {old[0]} and is {new[0]}"
                if not _is_close(old[1], new[1]):
                    return f"{old[0]} was standardised by {_words(old[1])} and is by {_words(new[1])}"
        return ""

    def other_labels(self, now: "MadeWith") -> str:
        """Return how labels differ between two classifiers of as many classes, in words; empty if they do not."""
        if self.num_classes is None or self.num_classes != now.num_classes or self.labels == now.labels:
            return ""
        return f"they were {', '.join(self.labels)} and are {', '.join(now.labels)}"

    def other_options(self, now: "MadeWith", is_same_network: bool) -> str:
        """Return which options differ that change what the weights give, in words; empty if none does.

        Args:
            now: the other description.
            is_same_network: whether all weights are taken, and not those of the encoder alone.
        """
        names = OF_NETWORK if is_same_network else OF_START
        differ = [name for name in names if name in self.options and name in now.options
                  and self.options[name] != now.options[name]]  # fmt: skip
        return ", ".join(f"-o {name} was {self.options[name]} and is {now.options[name]}" for name in differ)


def made_with(data_config: Any, config: Any, num_classes: int | None) -> MadeWith:
    """Return the description of a network.

    Args:
        data_config: weaver's.
        config: options of the network.
        num_classes: number of scores; None for a network that is pre-trained.
    """
    parts = (getattr(config, field.name) for field in fields(config) if field.name not in ("weaver", "speed"))
    options = {name: value for part in parts for name, value in asdict(part).items()}
    described = MadeWith(
        inputs_of(data_config),
        list(data_config.label_value),
        num_classes,
        options,
        installed_version("hepjepa-weaver") or "unknown",
    )
    return _from_text(json.dumps(asdict(described)))  # as a checkpoint gives it back


def inputs_of(data_config: Any) -> Inputs:
    """Return names, order and standardisation of the inputs of weaver's data config."""
    return {
        group: [[name, _standardisation(data_config.preprocess_params[name])] for name in names]
        for group, names in data_config.input_dicts.items()
        if group in GROUPS
    }


def describe(network: nn.Module, described: MadeWith) -> None:
    """Have every checkpoint of a network carry its description."""
    text = json.dumps(asdict(described))

    def add(_module: nn.Module, _state: Any, _prefix: str, local_metadata: dict[str, Any]) -> None:
        local_metadata[KEY] = text

    network.register_state_dict_post_hook(add)  # type: ignore[no-untyped-call]
    network.made_with = described  # type: ignore[assignment]


def read_made_with(path: Path | str, part: str = "") -> MadeWith | None:
    """Return the description in a checkpoint; None if it has none, or cannot be read.

    Args:
        path: the checkpoint.
        part: part of the network with a description of its own; without one, that of the network.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # torch raises errors of any kind for damage, which is told where the weights are loaded
        return None
    by_part = getattr(state, "_metadata", {})
    for metadata in (by_part.get(part, {}), *by_part.values()):
        if KEY in metadata:
            return _from_text(metadata[KEY])
    return None


def _from_text(text: str) -> MadeWith:
    known = {field.name for field in fields(MadeWith)}
    return MadeWith(**{name: value for name, value in json.loads(text).items() if name in known})


def _standardisation(info: Mapping[str, Any]) -> list[float] | None:
    return None if info["center"] is None else [info[name] for name in ("center", "scale", "min", "max")]


def _is_close(old: list[float] | None, new: list[float] | None) -> bool:
    if old is None or new is None:
        return old is new
    return all(abs(a - b) <= CLOSE * max(abs(a), abs(b)) for a, b in zip(old, new, strict=True))


def _words(standardisation: list[float] | None) -> str:
    if standardisation is None:
        return "nothing"
    return "({:g}, {:g}, {:g}, {:g})".format(*standardisation)
