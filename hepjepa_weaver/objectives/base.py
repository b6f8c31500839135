"""Base classes of all networks that are trained without labels.

`SelfSupervised` has inputs, steps, collapse watch, loading and logging. An objective that trains an encoder derives
from `PretrainingObjective`, and its `pretext_task` defines what the encoder is trained to do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, sorted_by_length
from hepjepa_weaver.config.pretraining import PretrainingConfig, WatchConfig
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.patches import new_patches
from hepjepa_weaver.model.weights import CONTEXT_ENCODER, PATCHES, LoadsInitialWeights, Weights
from hepjepa_weaver.objectives.collapse import CollapseWatch
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.metrics import effective_rank


class PretextOutput(Protocol):
    """Output of the pretext task, input of the loss.

    Attributes:
        embedding: (N, D), the jets' embeddings, in the order of the batch.
    """

    @property
    def embedding(self) -> Tensor:
        """Embeddings (N, D) of the jets, in the order of the batch."""
        ...


Loss = Callable[[Any], LossTerms]
"""Computes loss terms from the output of the pretext task."""


class SelfSupervised(LoadsInitialWeights, ABC):
    """A network that the loop of `training` trains without labels: reader, steps, collapse watch.

    In training mode `forward` returns the input of its loss, in eval mode what `weaver --predict` writes.

    Attributes:
        step: number of optimiser steps done.
        collapse_advice: likely causes of a collapse and remedies, for the message.
        run_state: buffers and parts that belong to one run. A run that starts from the weights of another has its own.
        own_files: parts whose weights come from a file of their own (`model.weights.load_part`).
        heads_of: heads with an output for each code or cluster, with the parts that define these. If another network
            has other codes or clusters, its heads are not taken.
        label_name: label that the loop passes as the last input; None for a task that needs none.
    """

    step: Tensor
    collapse_advice: ClassVar[str] = "Likely a learning rate that is too high: lower --start-lr."
    run_state: ClassVar[tuple[str, ...]] = ("step", "collapse")
    own_files: ClassVar[tuple[str, ...]] = ()
    heads_of: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    label_name: str | None = None

    def __init__(self, inputs: NetworkInputs, watch: WatchConfig, watched: Sequence[str]) -> None:
        """Build reader and collapse watch.

        Args:
            inputs: reader and columns of the data config.
            watch: options of the collapse watch.
            watched: names of the measures in `ranks` and `spreads`.
        """
        super().__init__()
        self.reader, self.columns = inputs.reader, inputs.columns
        self.collapse = CollapseWatch(watched, self.collapse_advice, watch.collapse_below, watch.on_collapse)
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    @abstractmethod
    def pretext_task(self, jets: Jets) -> Any:
        """Run the task that trains the network; return a `PretextOutput` for the loss.

        It is called in training, and in eval mode for the validation loss.
        """

    @abstractmethod
    def predict(self, jets: Jets) -> Tensor:
        """Return what `weaver --predict` writes of N jets, such as embeddings (N, D)."""

    def forward(self, *inputs: Tensor) -> Any:
        """Return the input of the loss in training mode, and `predict` of the jets in eval mode."""
        return self.task(*inputs) if self.training else self.predict(self.reader(*inputs))

    def task(self, *inputs: Tensor) -> Any:
        """Return the input of the loss for weaver's inputs."""
        return self.pretext_task(self.reader(*inputs))

    def as_columns(self, predicted: Tensor) -> tuple[Any, dict[str, Any]]:
        """Return `predict`'s result as the column `scores` of weaver's file, and further columns by name."""
        return predicted.numpy(force=True), {}

    def start_validation(self) -> None:
        """Prepare for the batches of a validation."""

    def validation_metric(self, losses: Mapping[str, float]) -> float | None:  # noqa: ARG002
        """Return the number that is largest in the best epoch, from the mean losses by name.

        None, as here, takes the linear probe of the embeddings.
        """
        return None

    def validation_summary(self) -> dict[str, float]:
        """Return quantities of the whole validation to log, by name."""
        return {}

    def after_optimizer_step(self, step: int, total_steps: int | None) -> None:  # noqa: ARG002
        """Count optimiser step number `step`, from 1, of `total_steps` in the whole run (None: not known)."""
        self.step.fill_(step)

    @abstractmethod
    def ranks(self, output: Any) -> dict[str, Tensor]:
        """Return effective ranks, by name, which fall in a collapse."""

    def spreads(self, output: Any) -> dict[str, Tensor]:  # noqa: ARG002
        """Return standard deviations, by name, which fall in a collapse as well."""
        return {}

    def monitors(self, output: Any) -> dict[str, Tensor]:  # noqa: ARG002
        """Return further quantities to log besides losses, by name."""
        return {}

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from.

        The state of the run that made them is left out. So are parts with a file of their own, and heads for other
        codes or clusters.
        """
        anew = [head for head, parts in self.heads_of.items() if not self._has_same(parts, state_dict)]
        left_out = tuple(f"{name}." for name in (*self.run_state, *self.own_files, *anew))
        return {
            name: value
            for name, value in super().pick_weights(state_dict).items()
            if not f"{name}.".startswith(left_out)
        }

    def _has_same(self, parts: Sequence[str], state_dict: Weights) -> bool:
        """Tell whether weights have the same parts as this network; one that neither has is the same."""
        prefixes = tuple(f"{part}." for part in parts)
        own, given = (
            {name: value for name, value in weights.items() if name.startswith(prefixes)}
            for weights in (self.state_dict(), state_dict)
        )
        same = own.keys() == given.keys()
        return same and all(torch.equal(given[name].cpu(), value.cpu()) for name, value in own.items())


class PretrainingObjective(SelfSupervised):
    """An encoder, and the task that trains it without labels.

    In training mode `forward` returns the input of the objective's loss. In eval mode it returns the embeddings (N, D)
    of whole jets. The trained encoder is `context_encoder`; fine-tuning finds its weights by this name
    (`model.weights`).
    """

    def __init__(
        self,
        inputs: NetworkInputs,
        config: PretrainingConfig,
        trains_class_token: bool = False,
        spreads: Sequence[str] = (),
    ) -> None:
        """Build reader, encoder and collapse watch.

        Args:
            inputs: reader and columns of the data config.
            config: options of the objective.
            trains_class_token: make ParT's class blocks part of the network.
            spreads: names of the measures in `ranks` and `spreads`, besides the effective rank.
        """
        super().__init__(inputs, config.monitor, ("effective_rank", *spreads))
        self.monitor = config.monitor
        self.patches = new_patches(
            config.tokens, inputs.num_features, config.encoder.width, config.weaver.for_inference
        )
        self.context_encoder = ParTEncoder(
            self.patches.num_features,
            config.encoder,
            config.weaver,
            trains_class_token,
            config.tokens.num_registers,
            config.tokens.pt_ranks,
            config.speed.layout,
        )

    @property
    def embedder(self) -> ParTEncoder:
        """The encoder whose embeddings are monitored and written."""
        return self.context_encoder

    def predict(self, jets: Jets) -> Tensor:
        """Return the embeddings (N, D) of whole jets."""
        return self.embed(jets)

    def embed(self, jets: Jets) -> Tensor:
        """Return the embeddings (N, D) of whole jets."""
        tokens = self.patches(jets)
        if not self.reader.trim:  # ONNX: shapes and order are fixed
            return self._embed_tokens(tokens)
        return sorted_by_length(self._embed_tokens, tokens)

    def _embed_tokens(self, tokens: Jets) -> Tensor:
        return self.pooled(self.embedder(tokens))

    def pooled(self, encoded: EncodedJets) -> Tensor:
        """Return the vector (N, D) that represents a jet."""
        if self.monitor.embedding == "class" and encoded.latent is not None:
            return encoded.latent
        return encoded.mean_token()

    @torch.no_grad()
    def ranks(self, output: Any) -> dict[str, Tensor]:
        """Return effective ranks, by name, which fall in a collapse."""
        return {"effective_rank": effective_rank(output.embedding)}

    def is_needed(self, name: str) -> bool:
        """Tell whether weights to start from must have this name: those of encoder and patches.

        Heads may be another objective's, and start anew.
        """
        return name.startswith((f"{CONTEXT_ENCODER}.", PATCHES))
