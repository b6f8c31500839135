"""The first particles of real jets, from which a generator goes on."""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.weaver_inputs import jets_of_file, load_data_config
from hepjepa_weaver.generation.generator import JetGenerator
from hepjepa_weaver.model.made_with import inputs_of, read_made_with
from hepjepa_weaver.tokens.tokenizer import PADDING


def read_prompts(
    generator: JetGenerator, checkpoint: Path, files: Sequence[Path], data_config: Path | None, num_particles: int
) -> Tensor:
    """Return the codes (M, k) of the first particles of all jets in files.

    Args:
        generator: the generator.
        checkpoint: its checkpoint.
        files: files of jets.
        data_config: data config of the files.
        num_particles: number k; shorter jets have `PADDING` behind their particles.

    Raises:
        UserError: there is no data config, its inputs are others than those of the training, or there are no jets.
    """
    if data_config is None:
        raise UserError("--prompt needs --data-config: give that of the training")
    config = load_data_config(data_config)
    made = read_made_with(checkpoint)
    other = made.other_inputs(inputs_of(config)) if made else ""
    if other:
        raise UserError(f"{checkpoint} was trained with other inputs: {other}; give the data config of its training")
    reader = JetReader(config.input_names, columns=feature_columns(config))
    codes = []
    for path in files:
        for chunk in jets_of_file(path, config):
            jets, _ = generator.model.sequences(reader(*(values.to(generator.device) for values in chunk.inputs)))
            found = generator.model.tokenizer.codes(jets)[:, :num_particles]
            codes.append(F.pad(found, (0, num_particles - found.size(1)), value=PADDING))
    if not codes:
        raise UserError(f"--prompt: {', '.join(map(str, files))} hold no jets")
    return torch.cat(codes)
