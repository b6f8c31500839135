"""The tokenizer of a checkpoint as two functions: from jets to codes, and from codes to particles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.embedding.embeddings import as_files
from hepjepa_weaver.host.jet_chunks import JetChunk, jets_of_array, jets_of_file, load_data_config
from hepjepa_weaver.model.made_with import inputs_of
from hepjepa_weaver.runtime.devices import usable_device
from hepjepa_weaver.tokens.frozen import load_tokenizer
from hepjepa_weaver.tokens.particle_values import Particles
from hepjepa_weaver.tokens.tokenizer import PADDING, JetTokenizer

BATCH = 500


@dataclass(frozen=True)
class TokenizedJets:
    """Codes of N jets, in the order of the files and of the jets in each.

    Attributes:
        codes: N lists of codes, one for each particle, as an awkward array.
        original: the particles that were read (pt in GeV, deta, dphi), as N lists of records.
        file: (N,), place of each jet's file among `files`.
        entry: (N,), number of each jet in its file, from 0. Jets that the selection removes are missing.
        files: the files as given; empty for an array.
    """

    codes: Any
    original: Any
    file: NDArray[np.int64]
    entry: NDArray[np.int64]
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.entry)


class PretrainedTokenizer:
    """A frozen tokenizer with the reader of its inputs; `open_tokenizer` makes it.

    Attributes:
        tokenizer: the network.
    """

    def __init__(self, tokenizer: JetTokenizer, data_config: Any, device: str = "cpu") -> None:
        self.tokenizer, self.data_config, self.device = tokenizer.to(device), data_config, torch.device(device)
        self.reader = JetReader(data_config.input_names, columns=feature_columns(data_config))

    @property
    def num_codes(self) -> int:
        """The number K of codes."""
        return self.tokenizer.num_codes

    def codes(self, source: Any, batch_size: int = BATCH) -> TokenizedJets:
        """Return the codes of the jets of files, or of an awkward array with the columns that the data config reads.

        Args:
            source: a path, several, or an array.
            batch_size: number of jets at once. It changes memory and time, not the result.

        Raises:
            UserError: a file cannot be read, a column is missing, a particle is infinite, or the batch size is below
                1. Weaver reads NaN as 0 and logs it.
        """
        if batch_size < 1:
            raise UserError(f"batch_size is {batch_size}: it has to be at least 1")
        files = as_files(source)
        codes, original, numbers, entries = [], [], [], []
        for number, chunk in self._chunks(source, files):
            for start in range(0, len(chunk.entry), batch_size):
                inputs = (values[start : start + batch_size].to(self.device) for values in chunk.inputs)
                jets = self.reader(*inputs)
                with told_of(files[number] if files else "the array"):
                    found = self.tokenizer.codes(jets)
                codes.append(ragged(found, found != PADDING))
                original.append(_original(jets, found != PADDING))
            numbers.append(np.full(len(chunk.entry), number))
            entries.append(chunk.entry)
        if not codes:
            none = np.zeros(0, np.int64)
            return TokenizedJets(ak.Array([[]])[:0], ak.Array([[]])[:0], none, none, files or ())
        return TokenizedJets(
            ak.concatenate(codes), ak.concatenate(original), np.concatenate(numbers), np.concatenate(entries),
            files or (),
        )  # fmt: skip

    def particles(self, codes: Any, batch_size: int = BATCH) -> Any:
        """Return the particles of N jets from their codes, as N lists of records.

        A record has pt (GeV), deta and dphi, and the columns that the codes keep besides, as `part_charge`.

        Args:
            codes: N lists of codes, such as `TokenizedJets.codes`.
            batch_size: number of jets at once.

        Raises:
            UserError: a code is not one of this tokenizer, `codes` are no lists of whole numbers, or the batch size is
                below 1.
        """
        if batch_size < 1:
            raise UserError(f"batch_size is {batch_size}: it has to be at least 1")
        codes = lists_of_numbers(codes)
        if not len(codes):
            return self.particles([[0]])[:0]  # with the columns that there would be
        parts = []
        for start in range(0, len(codes), batch_size):
            some = codes[start : start + batch_size]
            length = max(int(ak.max(ak.num(some), initial=0)), 1)
            padded = ak.to_numpy(ak.fill_none(ak.pad_none(some, length), PADDING)).astype(np.int64)
            parts.append(particle_records(self.tokenizer.particles(torch.from_numpy(padded).to(self.device))))
        return ak.concatenate(parts)

    def _chunks(self, source: Any, files: tuple[Path, ...] | None) -> Iterator[tuple[int, JetChunk]]:
        if files is None:
            yield from ((0, chunk) for chunk in jets_of_array(source, self.data_config))
            return
        for number, path in enumerate(files):
            yield from ((number, chunk) for chunk in jets_of_file(path, self.data_config))


def open_tokenizer(checkpoint: Path | str, data_config: Path | str, device: str = "cpu") -> PretrainedTokenizer:
    """Load the tokenizer of a checkpoint of `network_configs/jet_tokenizer.py`, or of a network that holds one.

    Args:
        checkpoint: weaver's `…_state.pt`.
        data_config: YAML file with the inputs that the tokenizer was trained with.
        device: device of torch, such as "cuda:0".

    Raises:
        UserError: a file cannot be read, the checkpoint has no tokenizer, or it does not fit the data config. Also if
            there is no such device.
    """
    usable_device(device)
    config = load_data_config(Path(data_config))
    tokenizer = load_tokenizer(checkpoint, feature_columns(config), inputs_of(config), "the tokenizer")
    return PretrainedTokenizer(tokenizer, config, device)


@contextmanager
def told_of(source: Path | str) -> Iterator[None]:
    """Have an error of a batch told with the name of what it was read from.

    Raises:
        UserError: the block raises one.
    """
    try:
        yield
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def lists_of_numbers(codes: Any) -> Any:
    """Return codes of N jets as an awkward array of N lists.

    Raises:
        UserError: they are something else.
    """
    try:
        array = ak.Array(codes)
        kind = ak.to_numpy(ak.flatten(array, axis=None)).dtype.kind if array.ndim == 2 else ""
    except (TypeError, ValueError) as error:
        raise UserError(f"codes are {type(codes).__name__}: give N lists of whole numbers, one a jet") from error
    is_empty = array.ndim < 3 and ak.count(array, axis=None) == 0
    if not is_empty and (array.ndim != 2 or kind not in "iu" or bool(ak.any(ak.is_none(array, axis=0)))):
        raise UserError("codes are no lists of whole numbers: give N lists, one a jet")
    return array if array.ndim == 2 else ak.Array([[]])[: len(array)]


def ragged(values: Tensor, is_real: Tensor) -> Any:
    """Return values (N, P) of real particles as N lists."""
    return ak.unflatten(values[is_real].numpy(force=True), is_real.sum(dim=1).numpy(force=True))


def particle_records(particles: Particles) -> Any:
    """Return particles as N lists of records."""
    columns = {"pt": particles.pt, "deta": particles.deta, "dphi": particles.dphi, **particles.extras}
    return ak.zip({name: ragged(values, particles.is_real) for name, values in columns.items()})


def _original(jets: Jets, is_real: Tensor) -> Any:
    columns = {"pt": jets.pt(), "deta": jets.points[:, 0], "dphi": jets.points[:, 1]}
    return ak.zip({name: ragged(values, is_real) for name, values in columns.items()})
