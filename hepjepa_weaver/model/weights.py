"""Weights given with weaver's `--load-model-weights`: what of a checkpoint is used, and whether it fits.

Weaver itself only logs keys that do not fit, so that a network that loaded nothing looks like one that did.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from hepjepa_weaver.common.errors import UserError

PRETRAINED_PREFIXES = ("target_encoder.", "context_encoder.")
"""Where a pre-training checkpoint keeps the encoder that is used downstream; the first that is there counts."""

Weights = Mapping[str, Tensor]


class LoadsInitialWeights(nn.Module):
    """A network that looks at the weights it is to start from; weaver loads them with `strict=False`."""

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """As in torch, after `pick_weights` if not `strict`."""
        if not strict:
            state_dict = self.pick_weights(state_dict)
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def is_needed(self, name: str) -> bool:
        """Whether a checkpoint to start from has to have this weight: all but the head's, here."""
        return not name.startswith("mod.fc.")

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """The part of a checkpoint to start from: all of it, here.

        Raises:
            UserError: the checkpoint has nothing in common with this network, or lacks what it needs.
        """
        own = self.state_dict()
        if not own.keys() & state_dict.keys():
            raise UserError(
                f"--load-model-weights: no weight of the checkpoint ({_some(state_dict)}) belongs to this network "
                f"({_some(own)}); name one part of it with file.pt:prefix, or another checkpoint"
            )
        missing = [name for name in own if self.is_needed(name) and name not in state_dict]
        if missing:
            raise UserError(
                f"--load-model-weights: the checkpoint lacks {len(missing)} weights of this network, first "
                f"{missing[0]}; use the data config and -o options of its training, or another checkpoint"
            )
        return dict(state_dict)


def pretrained_encoder(state_dict: Weights) -> dict[str, Tensor]:
    """The encoder's weights in a pre-training checkpoint, and the tokeniser's; empty if it is none."""
    for prefix in PRETRAINED_PREFIXES:
        encoder = {key[len(prefix) :]: value for key, value in state_dict.items() if key.startswith(prefix)}
        if encoder:
            return encoder | {key: value for key, value in state_dict.items() if key.startswith("tokenizer.")}
    return {}


def check_encoder_fits(given: Weights, expected: Weights) -> None:
    """Raise a UserError that names both unless `given` has every weight of the encoder `expected`, in its shape."""
    if not any(key.startswith("mod.") for key in given):
        raise UserError(
            f"--load-model-weights: the checkpoint ({_some(given)}) holds no encoder, that is, no key that starts "
            f"with '{PRETRAINED_PREFIXES[0]}mod.' or 'mod.'; give a checkpoint of hepjepa_pretrain.py"
        )
    found, wanted = describe_encoder(given), describe_encoder(expected)
    if found != wanted:
        raise UserError(
            f"--load-model-weights: the checkpoint's encoder has {found}, this network has {wanted}; use the data "
            "config and the -o encoder options of the pre-training"
        )
    unfit = [key for key, value in expected.items() if key not in given or given[key].shape != value.shape]
    if unfit:
        raise UserError(
            f"--load-model-weights: {len(unfit)} weights of the encoder are missing or of another shape, first "
            f"{unfit[0]}; give a whole checkpoint of this network, without --exclude-model-weights"
        )


def has_trained_class_token(state_dict: Weights) -> bool:
    """Whether a pre-training trained the encoder's class blocks: their last norm is no longer as it was made."""
    return bool((state_dict["mod.norm.weight"] != 1).any())


def describe_encoder(state_dict: Weights) -> str:
    """Feature set and size of the ParT encoder in `state_dict`, for people."""

    def size(key: str) -> int | str:
        return state_dict[key].shape[0] if key in state_dict else "?"

    def count(name: str) -> int:
        return len({key.split(".")[2] for key in state_dict if key.startswith(f"mod.{name}.")})

    def widths(name: str, ndim: int) -> list[int]:
        return [v.shape[0] for key, v in state_dict.items() if key.startswith(f"mod.{name}.") and v.ndim == ndim]

    tokens = "patch" if any(key.startswith("tokenizer.") for key in state_dict) else "particle"
    return (
        f"{size('mod.embed.input_bn.weight')} features, embed_dims {widths('embed.embed', 2)}, "
        f"pair_embed_dims {widths('pair_embed', 3)[:-1]}, {size('mod.blocks.0.c_attn')} heads, "
        f"{count('blocks')} blocks, {count('cls_blocks')} class blocks, "
        f"{size('register_token') if 'register_token' in state_dict else 0} registers and {tokens} tokens"
    )


def _some(state_dict: Weights) -> str:
    return ", ".join(list(state_dict)[:2]) + ", …" if state_dict else "empty"
