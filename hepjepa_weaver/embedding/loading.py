"""From a checkpoint to the encoder that it holds."""

from collections.abc import Sequence
from pathlib import Path

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.encoder_weights import EncoderName, read_encoder_weights
from hepjepa_weaver.embedding.pretrained_encoder import PretrainedEncoder
from hepjepa_weaver.embedding.score_head import ScoreHead
from hepjepa_weaver.host.jet_chunks import load_data_config
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.model.weights import read_weights, with_present_names
from hepjepa_weaver.runtime.devices import usable_device


def load_encoder(
    checkpoint: Path | str,
    data_config: Path | str,
    encoder: EncoderName | None = None,
    device: str = "cpu",
    other_inputs: bool = False,
    observers: Sequence[str] = (),
    scores: bool = False,
) -> PretrainedEncoder:
    """Load the encoder of a pre-training, of a fine-tuned network or of stock ParT.

    The weights give its sizes.

    Args:
        checkpoint: weaver's `…_state.pt`.
        data_config: YAML file with the features that the encoder was trained with.
        encoder: encoder to take from a pre-training with two; None takes the target encoder if there is one.
        device: device of torch, such as "cuda:0".
        other_inputs: take a data config whose inputs have other names, another order or another standardisation than
            those of the training. Otherwise it is refused, if the checkpoint tells them.
        observers: columns of the input files, or new variables of the data config, to give with the embeddings.
        scores: give the scores, or regressed numbers, of a fine-tuned network, too.

    Raises:
        UserError: a file cannot be read, the checkpoint has no such encoder, or it does not fit the data config. Also
            if the device cannot be used, or the checkpoint has no head for scores.
    """
    weights, config = read_encoder_weights(Path(checkpoint), encoder), load_data_config(Path(data_config), observers)
    head = None
    if scores:
        all_weights = with_present_names(read_weights(checkpoint, "checkpoint"))
        head = ScoreHead(all_weights, weights.made_with, weights.pooling)
    loaded = PretrainedEncoder(weights, config, head).to(usable_device(device))
    other = weights.made_with.other_inputs(inputs_of(config)) if weights.made_with else ""
    if other and not other_inputs:
        raise UserError(
            f"{checkpoint} was trained with other inputs: {other}; give the data config of its training, or "
            "--other-inputs (other_inputs=True in Python)"
        )
    return loaded
