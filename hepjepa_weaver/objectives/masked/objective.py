"""What objectives share that predict hidden particles from visible ones: encoder, predictor, masks, embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.batch.reader import JetReader
from hepjepa_weaver.config import MonitorConfig, PretrainingConfig
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.patches import new_tokenizer
from hepjepa_weaver.model.weights import LoadsInitialWeights, Weights
from hepjepa_weaver.objectives.collapse import CollapseWatch
from hepjepa_weaver.objectives.masked.hiding import HiddenView, hide
from hepjepa_weaver.objectives.masked.masking import Masking
from hepjepa_weaver.objectives.masked.predictor import Predictor
from hepjepa_weaver.objectives.metrics import effective_rank


@dataclass(frozen=True)
class Parts:
    """The parts of the data flow before an objective's own."""

    reader: JetReader
    augment: Augmentation
    tokenizer: nn.Module
    masking: Masking
    encoder: ParTEncoder
    predictor: Predictor
    monitor: MonitorConfig


def build_parts(
    config: PretrainingConfig,
    reader: JetReader,
    columns: FeatureColumns,
    with_latent: bool = False,
    with_jet: bool = False,
    with_seen: bool = False,
) -> Parts:
    """The parts as set with `-o`.

    Args:
        with_latent: train ParT's class token.
        with_jet: let the predictor answer for the whole jet.
        with_seen: let the predictor answer for particles of the context as well.
    """
    tokenizer = new_tokenizer(config.tokens, len(columns.columns), config.encoder.width, config.weaver.for_inference)
    return Parts(
        reader=reader,
        augment=Augmentation(config.augment, columns),
        tokenizer=tokenizer,
        masking=Masking(config.masking),
        encoder=ParTEncoder(
            tokenizer.num_features, config.encoder, config.weaver, with_latent, config.tokens.num_registers
        ),
        predictor=Predictor(config.encoder.width, config.predictor, with_jet, with_seen),
        monitor=config.monitor,
    )


class MaskedObjective(LoadsInitialWeights, ABC):
    """Hides a part of each jet from `context_encoder`, whose `predictor` fills it in.

    In training mode `forward` gives what the objective's loss needs, in eval mode the embeddings (N, D) of whole jets.
    """

    step: Tensor
    collapse_advice = "Likely a learning rate that is too high: lower --start-lr."

    def __init__(self, parts: Parts, spreads: Sequence[str] = ()) -> None:
        """
        Args:
            spreads: names of the measures in `ranks` and `spreads`, besides the effective rank.
        """
        super().__init__()
        self.reader = parts.reader
        self.augment = parts.augment
        self.tokenizer = parts.tokenizer
        self.masking = parts.masking
        self.context_encoder = parts.encoder
        self.predictor = parts.predictor
        self.embedding = parts.monitor.embedding
        self.collapse = CollapseWatch(
            ("effective_rank", *spreads), self.collapse_advice, parts.monitor.collapse_below, parts.monitor.on_collapse
        )
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    @property
    def embedder(self) -> ParTEncoder:
        """The encoder whose embeddings are watched and written."""
        return self.context_encoder

    def forward(self, *inputs: Tensor) -> Any:
        jets = self.reader(*inputs)
        return self.predict_hidden(jets) if self.training else self.embed(jets)

    @abstractmethod
    def predict_hidden(self, jets: Jets) -> Any:
        """Hide a part of each jet and predict it from the rest."""

    def hide(self, jets: Jets) -> HiddenView:
        """New masks, and in training new augmentations, for every jet."""
        if not self.training:
            return hide(self.tokenizer(jets), self.masking)
        jets = self.augment(jets)
        turned = None
        if self.augment.config.turn_context:
            turned = self.tokenizer(self.augment.moved(jets), grouped_as=jets)
        return hide(self.tokenizer(jets), self.masking, turned)

    def after_optimizer_step(self, step: int, total_steps: int | None) -> None:  # noqa: ARG002
        """Count optimiser step number `step`, from 1, of `total_steps` in the whole run."""
        self.step.fill_(step)

    @torch.no_grad()
    def ranks(self, output: Any) -> dict[str, Tensor]:
        """Effective ranks, by name, which fall in a collapse; more in an objective with a target encoder."""
        return {"effective_rank": effective_rank(output.embedding)}

    def spreads(self, output: Any) -> dict[str, Tensor]:  # noqa: ARG002
        """Standard deviations, by name, that fall in a collapse as well, where an objective has some."""
        return {}

    def monitors(self, output: Any) -> dict[str, Tensor]:  # noqa: ARG002
        """What else an objective wants logged besides its losses, by name."""
        return {}

    def is_needed(self, name: str) -> bool:
        """The encoder; predictor and heads may be another objective's, and start anew."""
        return name.startswith(("context_encoder.", "tokenizer."))

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """A run that starts from the weights of another one has its own step, whatever else counts steps, and its own
        early embeddings."""
        picked = super().pick_weights(state_dict)
        return {name: value for name, value in picked.items() if "." in name and not name.startswith("collapse.")}

    def embed(self, jets: Jets) -> Tensor:
        """Embeddings (N, D) of whole jets."""
        tokens = self.tokenizer(jets)
        if not self.reader.trim:  # ONNX: shapes and order are fixed
            return self._embed_tokens(tokens)
        return sorted_by_length(self._embed_tokens, tokens)

    def _embed_tokens(self, tokens: Jets) -> Tensor:
        return self.pooled(self.embedder(tokens))

    def pooled(self, encoded: EncodedJets) -> Tensor:
        """The vector (N, D) that stands for a jet."""
        if self.embedding == "class" and encoded.latent is not None:
            return encoded.latent
        return encoded.mean_token()
