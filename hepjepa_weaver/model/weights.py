"""Weights to start from: which part of a checkpoint is used, and whether it fits.

Weaver itself only logs keys that do not fit. A network that loaded nothing then looks like one that did.

No type tells these names in checkpoints, and this module alone knows them:

- `ENCODER_NAMES`: attributes of a pre-training network that hold its encoders. Fine-tuning takes the first one found.
- `PATCHES`: attribute that holds the module for patches of particles, which belongs to the encoder.
- `RENAMED`: the same names in older checkpoints.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.common.errors import UserError

TARGET_ENCODER, CONTEXT_ENCODER = ENCODER_NAMES = ("target_encoder", "context_encoder")
PATCHES = "patches."
RANK = "rank.embed.weight"
"""Weight of an encoder with pT ranks."""
RENAMED = {f"tokenizer.{name}": f"{PATCHES}{name}" for name in ("each.", "together.", "_extra_state")}

Weights = Mapping[str, Tensor]


class LoadsInitialWeights(nn.Module):
    """A network that checks the weights it starts from; weaver loads them with `strict=False`."""

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Load as torch does; if not `strict`, load what `pick_weights` returns.

        Names of older checkpoints are understood as well.
        """
        check_finite(state_dict, "the checkpoint")
        if not any(name.startswith("tokenizer.") for name in self.state_dict()):  # of its own: a codebook
            state_dict = with_present_names(state_dict)
        if not strict:
            state_dict = self.pick_weights(state_dict)
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def is_needed(self, name: str) -> bool:
        """Tell whether a checkpoint to start from must have this weight; here all but those of the head."""
        return not name.startswith("mod.fc.")

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the part of a checkpoint to start from; here all of it.

        Raises:
            UserError: the checkpoint has nothing in common with this network, or lacks needed weights.
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


def with_present_names(state_dict: Weights) -> dict[str, Tensor]:
    """Return the weights under their present names."""
    present = {}
    for name, value in state_dict.items():
        for old, new in RENAMED.items():
            if name.startswith(old):
                name = new + name.removeprefix(old)  # noqa: PLW2901
        present[name] = value
    return present


def read_weights(path: str | Path, option: str) -> dict[str, Tensor]:
    """Read a checkpoint, without running any code in it.

    Args:
        path: the checkpoint.
        option: option that named the file, for the message, such as `-o codebook`.

    Raises:
        UserError: the path is empty, there is no such file, or it is not a checkpoint. Also if a weight is not finite.
    """
    if not str(path):
        raise UserError(f"{option} is not given: name a checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise UserError(f"{option} {path}: {error.strerror or error}; check the path") from error
    except Exception as error:  # torch raises errors of any kind for such bytes
        raise UserError(f"{option} {path} is no checkpoint, or a damaged one: train or copy it again") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{option} {path} holds no weights by name: give a file that ends in _state.pt")
    check_finite(content, f"{option} {path}")
    return dict(content)


def check_finite(weights: Weights, named: str) -> None:
    """Check that a checkpoint holds finite weights.

    Raises:
        UserError: one is NaN or infinite, as after a training that diverged.
    """
    bad = [name for name, value in weights.items() if value.is_floating_point() and not bool(value.isfinite().all())]
    if bad:
        raise UserError(f"{named} holds {len(bad)} weights with NaN or infinity, first {bad[0]}: take the checkpoint "
                        "of an earlier epoch, or train again with a lower rate")  # fmt: skip


def load_part(part: nn.Module, path: str | Path, option: str, prefix: str = "") -> None:
    """Load a part of a network from a checkpoint of its own, such as a codebook beside an encoder.

    Name the attribute of the part in `own_files` of the network (`objectives.base`). The file of
    `--load-model-weights` then need not hold the part.

    Args:
        part: the module to load.
        path: the checkpoint.
        option: option that named the file, for the message.
        prefix: prefix of the part's names in that checkpoint, with its dot.

    Raises:
        UserError: there is no such file, or its weights are not this part's. The message names option, file and weight.
    """
    given = read_weights(path, option)
    picked = {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
    own = part.state_dict()
    unfit = [name for name, value in own.items() if name not in picked or picked[name].shape != value.shape]
    if unfit:
        raise UserError(
            f"{option} {path}: {len(unfit)} weights are missing or of another shape, first {prefix}{unfit[0]}; give "
            "the checkpoint and the -o options of its training"
        )
    part.load_state_dict({name: picked[name] for name in own})


def pretrained_encoder(state_dict: Weights) -> dict[str, Tensor]:
    """Return the weights of encoder and patches in a pre-training checkpoint; nothing from any other checkpoint."""
    for name in ENCODER_NAMES:
        prefix = f"{name}."
        encoder = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
        if encoder:
            return encoder | {key: value for key, value in state_dict.items() if key.startswith(PATCHES)}
    return {}


def check_encoder_fits(given: Weights, expected: Weights) -> None:
    """Raise a UserError unless `given` has every weight of the encoder `expected`, in its shape."""
    if not any(key.startswith("mod.") for key in given):
        raise UserError(
            f"--load-model-weights: the checkpoint ({_some(given)}) holds no encoder, that is, no key that starts "
            f"with '{ENCODER_NAMES[0]}.mod.' or 'mod.'; give a checkpoint of hepjepa_pretrain.py"
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
    """Tell whether pre-training trained the encoder's class blocks: their last norm has changed since it was made."""
    return bool((state_dict["mod.norm.weight"] != 1).any())


def describe_encoder(state_dict: Weights) -> str:
    """Return features and size of the ParT encoder in `state_dict`, in words."""

    def size(key: str) -> int | str:
        return state_dict[key].shape[0] if key in state_dict else "?"

    def count(name: str) -> int:
        return len({key.split(".")[2] for key in state_dict if key.startswith(f"mod.{name}.")})

    def widths(name: str, ndim: int) -> list[int]:
        return [v.shape[0] for key, v in state_dict.items() if key.startswith(f"mod.{name}.") and v.ndim == ndim]

    tokens = "patch" if any(key.startswith(PATCHES) for key in state_dict) else "particle"
    return (
        f"{size('mod.embed.input_bn.weight')} features, embed_dims {widths('embed.embed', 2)}, "
        f"pair_embed_dims {widths('pair_embed', 3)[:-1]}, {size('mod.blocks.0.c_attn')} heads, "
        f"{count('blocks')} blocks, {count('cls_blocks')} class blocks, "
        f"{size('register_token') if 'register_token' in state_dict else 0} registers, "
        f"{'pT ranks' if RANK in state_dict else 'no pT ranks'} and {tokens} tokens"
    )


def _some(state_dict: Weights) -> str:
    return ", ".join(list(state_dict)[:2]) + ", …" if state_dict else "empty"
