"""The encoder of a checkpoint as one function, from files or an awkward array to embeddings of jets."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.embedding.embeddings import Embeddings, as_files, joined
from hepjepa_weaver.embedding.encoder_weights import EncoderWeights, Pooling, load_whole
from hepjepa_weaver.embedding.score_head import ScoreHead
from hepjepa_weaver.host.jet_chunks import JetChunk, jets_of_array, jets_of_file
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.patches import new_patches
from hepjepa_weaver.particle_transformer.bias import causal_bias

BATCH = 250


class PretrainedEncoder(nn.Module):
    """An encoder with the reader of its inputs; `loading.load_encoder` makes it.

    Args:
        weights: the encoder of a checkpoint.
        data_config: data config of weaver, with the features that the encoder was trained with.
        head: head that gives scores; None for embeddings alone.

    Raises:
        UserError: the data config has another number of features than the encoder. Also if a weight is missing, unknown
            or of another shape.
    """

    def __init__(self, weights: EncoderWeights, data_config: Any, head: ScoreHead | None = None) -> None:
        super().__init__()
        columns = feature_columns(data_config)
        if len(columns.columns) != weights.num_features:
            raise UserError(
                f"the checkpoint's encoder has {weights.num_features} features and the data config "
                f"{len(columns.columns)}: give the data config of its training"
            )
        config, tokens = weights.encoder_config(), weights.token_config()
        self.data_config = data_config
        self.reader = JetReader(data_config.input_names, columns=columns)
        self.patches = new_patches(tokens, weights.num_features, config.width)
        self.encoder = ParTEncoder(
            self.patches.num_features,
            config,
            WeaverOptions(),
            num_registers=tokens.num_registers,
            has_ranks=tokens.pt_ranks,
        )
        load_whole(self.encoder, weights.encoder)
        load_whole(self.patches, weights.patches)
        self.pooling, self.has_class_token = weights.pooling, weights.has_class_token
        self.is_causal, self.head = weights.is_causal, head
        self.requires_grad_(False).eval()

    @property
    def width(self) -> int:
        """The width D of an embedding."""
        return self.encoder.width

    @torch.inference_mode()
    def forward(self, inputs: Sequence[Tensor], pooling: Pooling | None = None) -> Tensor:
        """Return the embeddings (N, D) of jets as weaver gives them.

        Args:
            inputs: tensors (N, C, P), in the order of the data config's inputs.
            pooling: mean of the particle tokens, or class token; None takes what the checkpoint's own network uses.

        Raises:
            UserError: the pooling is unknown, or asks for a class token that was not trained.
        """
        return self.with_scores(inputs, pooling)[:, : self.width]

    @torch.inference_mode()
    def with_scores(self, inputs: Sequence[Tensor], pooling: Pooling | None = None) -> Tensor:
        """Return embeddings and what the head gives of them, side by side (N, D + S), as `forward` does."""
        pooling = pooling or self.pooling
        if pooling not in ("mean", "class_token"):
            raise UserError(f"pooling is {pooling!r}, but must be 'mean' or 'class_token'")
        if pooling == "class_token" and not self.has_class_token:
            raise UserError("pooling is 'class_token', which the checkpoint's training did not train: take 'mean'")
        device = next(self.encoder.parameters()).device
        jets = self.patches(self.reader(*(values.to(device) for values in inputs)))

        def pooled(jets: Jets) -> Tensor:
            encoded: EncodedJets = self._encoded(jets)
            latent = encoded.latent
            embedding = encoded.mean_token() if pooling == "mean" or latent is None else latent
            return embedding if self.head is None else torch.cat([embedding.float(), self.head(encoded)], dim=1)

        return sorted_by_length(pooled, jets)

    def _encoded(self, jets: Jets) -> EncodedJets:
        if not self.is_causal:
            return self.encoder(jets)  # type: ignore[no-any-return]
        bias = causal_bias(jets.is_real.size(1), jets.features.device)
        return self.encoder(jets.in_pt_order(), attention_bias=bias)  # type: ignore[no-any-return]

    def embed(self, source: Any, batch_size: int = BATCH, pooling: Pooling | None = None) -> Embeddings:
        """Embed the jets of files, or of an awkward array with the columns that the data config reads.

        Args:
            source: a path, several, or an array.
            batch_size: number of jets that go through the encoder at once. It changes memory and time, not the result.
            pooling: as in `forward`.

        Raises:
            UserError: a file cannot be read, a column is missing, the batch size is below 1, or `forward` raises it.
        """
        files = as_files(source)
        chunks = list(self.embed_chunks(source if files is None else files, batch_size, pooling))
        return joined(chunks, files or (), self.width)

    def embed_chunks(
        self, source: Any, batch_size: int = BATCH, pooling: Pooling | None = None
    ) -> Iterator[Embeddings]:
        """Yield the embeddings of `embed` piece by piece, for more jets than memory holds.

        Args:
            source: as in `embed`.
            batch_size: as in `embed`.
            pooling: as in `forward`.

        Raises:
            UserError: as in `embed`.
        """
        if batch_size < 1:
            raise UserError(f"batch_size is {batch_size}: it has to be at least 1")
        files = as_files(source)
        if files is None:
            yield from (self._embedded(chunk, 0, (), batch_size, pooling) for chunk in self._of_array(source))
            return
        for number, path in enumerate(files):
            for chunk in jets_of_file(path, self.data_config):
                yield self._embedded(chunk, number, files, batch_size, pooling)

    def _of_array(self, table: Any) -> Iterator[JetChunk]:
        return jets_of_array(table, self.data_config)

    def _embedded(
        self, chunk: JetChunk, number: int, files: tuple[Path, ...], batch_size: int, pooling: Pooling | None
    ) -> Embeddings:
        starts = range(0, len(chunk.entry), batch_size)
        batches = ([values[start : start + batch_size] for values in chunk.inputs] for start in starts)
        found = torch.cat([self.with_scores(batch, pooling).float().cpu() for batch in batches]).numpy()
        embedding, columns = (np.ascontiguousarray(part) for part in (found[:, : self.width], found[:, self.width :].T))
        scores = dict(zip(self.head.names, columns, strict=True)) if self.head is not None else {}
        return Embeddings(embedding, np.full(len(chunk.entry), number), chunk.entry, files, chunk.observers, scores)
