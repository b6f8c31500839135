"""A trained tokenizer, frozen: built again from its checkpoint, and checked against the data config."""

from pathlib import Path
from typing import Any

from hepjepa_weaver.batch.columns import CHARGE, DISPLACEMENT, TYPES, FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.options import config_of_saved
from hepjepa_weaver.config.tokenizer import TokenizerConfig
from hepjepa_weaver.model.made_with import Inputs, MadeWith, describe, read_made_with
from hepjepa_weaver.model.weights import Weights, load_part, read_weights
from hepjepa_weaver.tokens.tokenizer import JetTokenizer

TOKENIZER = "tokenizer"
"""Name of the part that holds a tokenizer, in networks and checkpoints."""
KINEMATIC_GROUPS = ("pf_points", "pf_vectors")


def load_tokenizer(
    path: Path | str, columns: FeatureColumns, inputs: Inputs, option: str = "-o tokenizer"
) -> JetTokenizer:
    """Load the tokenizer of a checkpoint, frozen and in eval mode.

    Args:
        path: checkpoint of a tokenizer, or of a network that holds one.
        columns: columns of the data config.
        inputs: names and standardisation of the data config's inputs (`model.made_with.inputs_of`).
        option: option that named the file, for messages.

    Raises:
        UserError: the file is no checkpoint or holds no tokenizer. Also if the tokenizer was made for other inputs, or
            has learned nothing.
    """
    weights = read_weights(path, option)
    made = read_made_with(path, TOKENIZER)
    if made is None or not any(name.startswith(f"{TOKENIZER}.") for name in weights):
        raise UserError(f"{option} {path} holds no tokenizer: give a checkpoint of network_configs/jet_tokenizer.py")
    try:
        tokenizer = JetTokenizer(columns, config_of_saved(TokenizerConfig, made.options))
    except UserError as error:
        raise UserError(f"{option} {path} does not fit the data config: {error}") from error
    _check_inputs(made, inputs, tokenizer.config, f"{option} {path}")
    load_part(tokenizer, path, option, f"{TOKENIZER}.")
    if not tokenizer.has_learned():
        raise UserError(f"{option} {path} holds a codebook of which nothing is used: train it, or take another epoch")
    describe(tokenizer, made)
    return tokenizer.requires_grad_(False).eval()


def check_same(tokenizer: JetTokenizer, weights: Weights) -> None:
    """Check that a checkpoint, if it holds a tokenizer, was trained on the codes of this one.

    Raises:
        UserError: it holds another one.
    """
    prefix = f"{TOKENIZER}."
    theirs = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    ours = tokenizer.state_dict()
    if theirs and (theirs.keys() != ours.keys() or not all(theirs[name].equal(ours[name].cpu()) for name in ours)):
        raise UserError(
            "-o tokenizer is not the one of the pre-training: leave the option out, and the checkpoint gives it"
        )


def _check_inputs(made: MadeWith, now: Inputs, config: TokenizerConfig, named: str) -> None:
    """Raise a UserError unless the inputs that the codes are made of are those of the tokenizer's training."""
    for group in KINEMATIC_GROUPS:
        before, after = _names(made.inputs, group), _names(now, group)
        if made.inputs.get(group) != now.get(group):
            other = f"{after}: give" if before != after else "them with another standardisation: give"
            raise UserError(
                f"{named} was trained with {group} {before}, and the data config has {other} the data config of its "
                "training, or another tokenizer"
            )
    if config.particle.token_features != "full":
        return
    theirs, ours = (_by_name(inputs) for inputs in (made.inputs, now))
    for name in (CHARGE, *TYPES, *DISPLACEMENT):
        if theirs.get(name) != ours.get(name):
            raise UserError(f"{named} was trained with another standardisation of {name} than the data config has: "
                            "give the data config of its training")  # fmt: skip


def _by_name(inputs: Inputs) -> dict[str, Any]:
    return {entry[0]: entry[1] for entry in inputs.get("pf_features", [])}


def _names(inputs: Inputs, group: str) -> str:
    return ", ".join(name for name, _ in inputs.get(group, [])) or "(none)"
