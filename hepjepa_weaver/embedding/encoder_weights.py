"""The encoder in a checkpoint: its weights, and the sizes that their shapes give."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import EncoderConfig, TokenConfig
from hepjepa_weaver.model.made_with import MadeWith, read_made_with
from hepjepa_weaver.model.weights import (
    ENCODER_NAMES,
    PATCHES,
    RANK,
    Weights,
    has_trained_class_token,
    read_weights,
    with_present_names,
)

EncoderName = Literal["target", "context"]
Pooling = Literal["mean", "class_token"]
STATE = "_extra_state"


@dataclass(frozen=True)
class EncoderWeights:
    """The encoder of a checkpoint.

    Attributes:
        encoder: weights of `mod` and, if there are registers or pT ranks, theirs.
        patches: weights of the patch tokens; empty if a token is a particle.
        pooling: the vector of a jet that the checkpoint's own network uses, as far as its weights tell.
        has_class_token: whether the class token was trained.
        made_with: what the checkpoint says of itself; None if it says nothing.
    """

    encoder: Mapping[str, Tensor]
    patches: Mapping[str, Tensor]
    pooling: Pooling
    has_class_token: bool
    made_with: MadeWith | None = None

    @property
    def num_features(self) -> int:
        """The number C of features of a particle."""
        if self.patches:
            return int(self.patches["each.0.weight"].size(1)) - 2  # and its two coordinates relative to the centre
        return int(self.encoder["mod.embed.input_bn.weight"].numel())

    @property
    def is_causal(self) -> bool:
        """Whether the network was fine-tuned with a causal mask."""
        return bool(self._said("attention", "full") == "causal")

    def encoder_config(self) -> EncoderConfig:
        """Return the sizes of the encoder.

        Raises:
            UserError: a weight that gives a size is missing.
        """
        pair_widths = self._widths("mod.pair_embed.", ndim=3)
        return EncoderConfig(
            embed_dims=self._widths("mod.embed.embed.", ndim=2),
            pair_embed_dims=pair_widths[:-1],
            pair_bias=bool(pair_widths),
            num_heads=int(self._weight("mod.blocks.0.c_attn").numel()),
            num_layers=self._count("blocks"),
            num_cls_layers=self._count("cls_blocks"),
            dropout=0.0,
            use_pre_activation_pair=bool(self._said("use_pre_activation_pair", False)),
        )

    def token_config(self) -> TokenConfig:
        """Return what the tokens are, and the number of registers.

        Raises:
            UserError: the number and size of the patches are missing.
        """
        registers = len(self.encoder["register_token"]) if "register_token" in self.encoder else 0
        if not self.patches:
            return TokenConfig(num_registers=registers, pt_ranks=RANK in self.encoder)
        if STATE not in self.patches:
            raise UserError("the checkpoint has patch tokens without their number and size: it was cut out of another")
        number, size = self.patches[STATE].tolist()
        return TokenConfig(tokens="patches", num_patches=number, patch_size=size, num_registers=registers)

    def _said(self, option: str, otherwise: Any) -> Any:
        return self.made_with.options.get(option, otherwise) if self.made_with else otherwise

    def _weight(self, name: str) -> Tensor:
        if name not in self.encoder:
            raise UserError(f"the checkpoint has no weight {name}: its encoder is none of ParT's with this package")
        return self.encoder[name]

    def _count(self, kind: str) -> int:
        numbers = {name.split(".")[2] for name in self.encoder if name.startswith(f"mod.{kind}.")}
        if not numbers:
            raise UserError(f"the checkpoint has no weight mod.{kind}.…: its encoder is none of ParT's")
        return len(numbers)

    def _widths(self, prefix: str, ndim: int) -> tuple[int, ...]:
        return tuple(
            weight.shape[0] for name, weight in self.encoder.items() if name.startswith(prefix) and weight.ndim == ndim
        )


def read_encoder_weights(path: Path, encoder: EncoderName | None = None) -> EncoderWeights:
    """Read the encoder of a pre-training, a fine-tuned or a stock ParT checkpoint.

    Args:
        path: the checkpoint.
        encoder: encoder to take from a pre-training with two; None takes the target encoder if there is one.

    Raises:
        UserError: there is no such file, it is no checkpoint, or it has no such encoder.
    """
    weights = with_present_names(read_weights(path, "checkpoint"))
    prefixes = [f"{encoder}_encoder."] if encoder else [*(f"{name}." for name in ENCODER_NAMES), ""]
    found = {prefix: _under(weights, prefix) for prefix in prefixes}
    prefix = next((prefix for prefix in prefixes if any(name.startswith("mod.") for name in found[prefix])), None)
    if prefix is None:
        starts = " or ".join(f"'{prefix}mod.'" for prefix in prefixes)
        raise UserError(f"{path} has no weight that starts with {starts}: it is no checkpoint with such an encoder")
    picked = {
        name: weight
        for name, weight in found[prefix].items()
        if name in ("register_token", RANK) or (name.startswith("mod.") and not name.startswith("mod.fc."))
    }
    if "mod.embed.input_bn.weight" not in picked:
        raise UserError(f"{path} has no weight mod.embed.input_bn.weight: its 'mod' is no ParticleTransformer")
    has_class_token = "mod.norm.weight" in picked and has_trained_class_token(picked)
    made_with = read_made_with(path)
    pooling = _pooling_of(weights, prefix, made_with)
    return EncoderWeights(picked, _under(weights, PATCHES), pooling, has_class_token, made_with)


def _under(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}


def _pooling_of(weights: Mapping[str, Tensor], prefix: str, made_with: MadeWith | None) -> Pooling:
    """Return the pooling of the checkpoint's own network.

    A head on the mean starts with a BatchNorm without weights. A pre-training has no head, and uses the mean unless it
    says otherwise.
    """
    if prefix:
        is_class = made_with is not None and made_with.options.get("embedding") == "class"
        return "class_token" if is_class else "mean"
    return "mean" if "fc.0.running_mean" in weights else "class_token"


def load_whole(network: nn.Module, weights: Weights) -> None:
    """Load all weights of a network.

    Raises:
        UserError: one is missing, unknown or of another shape.
    """
    expected = network.state_dict()
    for name, value in expected.items():
        if name not in weights:
            raise UserError(f"the checkpoint has no weight {name}: give a whole one")
        if weights[name].shape != value.shape:
            raise UserError(
                f"the checkpoint's {name} has the shape {tuple(weights[name].shape)} where its other weights ask for "
                f"{tuple(value.shape)}: give a checkpoint of this package, or of ParT version 1"
            )
    unknown = sorted(set(weights) - set(expected))
    if unknown:
        raise UserError(f"the checkpoint has the weight {unknown[0]}, which ParT version 1 has not")
    network.load_state_dict(weights)
