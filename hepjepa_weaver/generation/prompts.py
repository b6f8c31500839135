"""The first particles of real jets, from which a generator goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.pretrained_tokenizer import told_of
from hepjepa_weaver.generation.generator import JetGenerator
from hepjepa_weaver.host.jet_chunks import jets_of_file, load_data_config
from hepjepa_weaver.model.made_with import inputs_of, read_made_with
from hepjepa_weaver.tokens.tokenizer import PADDING


@dataclass(frozen=True)
class Prompts:
    """The first particles of M real jets.

    Attributes:
        codes: (M, k), their codes; `PADDING` behind those of shorter jets.
        totals: (M, 4), totals of the whole jets, for a model that is told them; None for others.
    """

    codes: Tensor
    totals: Tensor | None


def read_prompts(
    generator: JetGenerator, checkpoint: Path, files: Sequence[Path], data_config: Path | None, num_particles: int
) -> Prompts:
    """Return the first particles of all jets in files.

    Args:
        generator: the generator.
        checkpoint: its checkpoint.
        files: files of jets.
        data_config: data config of the files.
        num_particles: number k.

    Raises:
        UserError: there is no data config, its inputs are others than those of the training, or there are no jets.
            Also if the model makes no jets with so many particles.
    """
    longest = generator.config.next.longest
    if num_particles > longest:
        raise UserError(f"--prompt-particles is {num_particles}: the model makes jets of up to {longest} particles")
    if data_config is None:
        raise UserError("--prompt needs --data-config: give that of the training")
    config = load_data_config(data_config)
    made = read_made_with(checkpoint)
    other = made.other_inputs(inputs_of(config)) if made else ""
    if other:
        raise UserError(f"{checkpoint} was trained with other inputs: {other}; give the data config of its training")
    reader = JetReader(config.input_names, columns=feature_columns(config))
    codes, totals = [], []
    for path in files:
        for chunk in jets_of_file(path, config):
            jets, _ = generator.model.sequences(reader(*(values.to(generator.device) for values in chunk.inputs)))
            with told_of(path):
                found = generator.model.tokenizer.codes(jets)[:, :num_particles]
            totals.append(generator.model.totals_told(jets))
            codes.append(F.pad(found, (0, num_particles - found.size(1)), value=PADDING))
    if not codes:
        raise UserError(f"--prompt: {', '.join(map(str, files))} hold no jets that pass the selection: give others")
    told = [some for some in totals if some is not None]
    return Prompts(torch.cat(codes), torch.cat(told) if told else None)
