"""HEP-JEPA (2502.03933): predict the embeddings of hidden particles from the visible ones."""

import copy
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hepjepa_weaver.checkpoint import LoadsInitialWeights, Weights
from hepjepa_weaver.config import EmaConfig, LossConfig
from hepjepa_weaver.ema import momentum_at, update_ema
from hepjepa_weaver.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.inputs import JetReader, Jets, in_old_order, kept_particles, take
from hepjepa_weaver.losses import LossParts, layer_norm, masked_smooth_l1
from hepjepa_weaver.masking import Masking
from hepjepa_weaver.metrics import effective_rank, token_std
from hepjepa_weaver.part.pairs import pairs_among, real_pairs
from hepjepa_weaver.predictor import Predictor


@dataclass(frozen=True)
class JepaOutput:
    """One forward pass in training. All but `embedding` have the jets sorted by their number of particles.

    Attributes:
        predicted_tokens: (N, T, D), predicted embeddings of the hidden particles.
        target_tokens: (N, T, D), their layer-normed embeddings from the target encoder.
        is_target: (N, T), False for padding.
        predicted_latent, target_latent: (N, D), the same for the whole jet; None without an event loss.
        embedding: (N, D), the jet's embedding from the target encoder, as `weaver --predict` writes it, jets in the
            order of the batch.
    """

    predicted_tokens: Tensor
    target_tokens: Tensor
    is_target: Tensor
    predicted_latent: Tensor | None
    target_latent: Tensor | None
    embedding: Tensor


class JepaLoss(nn.Module):
    """Smooth-L1 on the embeddings of hidden particles, plus `event_weight` times the same on the latent of the
    whole jet [JP-JEPA 2606.14813]."""

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config

    def forward(self, output: JepaOutput) -> LossParts:
        beta = self.config.smooth_l1_beta
        total = masked_smooth_l1(output.predicted_tokens.float(), output.target_tokens, output.is_target, beta)
        parts = {"particle": total}
        if output.predicted_latent is not None and output.target_latent is not None:
            parts["event"] = F.smooth_l1_loss(output.predicted_latent.float(), output.target_latent, beta=beta)
            total = total + self.config.event_weight * parts["event"]
        return LossParts(total, parts)


class Jepa(LoadsInitialWeights):
    """Context encoder, its EMA copy as target encoder, predictor and masking.

    In training mode `forward` returns a `JepaOutput`, in eval mode the embeddings (N, D) of whole jets. What
    a resumed run needs (both encoders, predictor, step, EMA momentum) is in the state dict.
    """

    step: Tensor
    ema_momentum: Tensor

    def __init__(
        self,
        reader: JetReader,
        masking: Masking,
        encoder: ParTEncoder,
        predictor: Predictor,
        ema: EmaConfig,
        embedding: Literal["mean", "class"] = "mean",
    ) -> None:
        super().__init__()
        self.reader = reader
        self.masking = masking
        self.context_encoder = encoder
        self.target_encoder = copy.deepcopy(encoder).requires_grad_(False).eval()
        self.predictor = predictor
        self.ema = ema
        self.embedding = embedding
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        self.register_buffer("ema_momentum", torch.tensor(ema.ema_start))

    def train(self, mode: bool = True) -> "Jepa":
        """The target encoder always runs in eval mode: no dropout, running BatchNorm statistics."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    def forward(self, *inputs: Tensor) -> JepaOutput | Tensor:
        jets = self.reader(*inputs)
        if self.training:
            return self.predict_hidden(jets)
        if not self.reader.trim:  # ONNX: shapes and order are fixed
            return self._embedding_of(self.target_encoder(jets))
        order = jets.by_length()
        return in_old_order(self._embedding_of(self.target_encoder(jets.reordered(order))), order)

    def predict_hidden(self, jets: Jets) -> JepaOutput:
        """Hide a part of each jet and predict its embeddings from the rest."""
        masks = self.masking(jets)
        order = jets.by_length()
        jets, masks = jets.reordered(order), masks.reordered(order)
        pairs = real_pairs(jets)
        context = jets.gather(masks.is_context, masks.num_context)
        hidden_index, is_target = kept_particles(masks.is_target, masks.num_target)
        with torch.no_grad():
            whole: EncodedJets = self.target_encoder(jets, pairs)
            target_tokens = take(whole.tokens.transpose(1, 2), hidden_index).transpose(1, 2)
        prediction = self.predictor(
            self.context_encoder(context, pairs_among(pairs, masks.is_context, masks.num_context)),
            context.points,
            hidden_points=take(jets.points, hidden_index),
            hidden_pt=take(jets.vectors[:, :2], hidden_index).norm(dim=1),
            is_target=is_target,
            num_target=masks.num_target,
        )
        return JepaOutput(
            predicted_tokens=prediction.tokens,
            target_tokens=layer_norm(target_tokens),
            is_target=is_target,
            predicted_latent=prediction.latent,
            target_latent=None if whole.latent is None else layer_norm(whole.latent),
            embedding=in_old_order(self._embedding_of(whole), order),
        )

    def after_optimizer_step(self, step: int, total_steps: int | None) -> None:
        """Move the target encoder after optimiser step number `step`, from 1, of `total_steps` in the whole run."""
        momentum = momentum_at(self.ema, step, total_steps)
        self.step.fill_(step)
        self.ema_momentum.fill_(momentum)
        update_ema(self.target_encoder, self.context_encoder, momentum)

    @torch.no_grad()
    def monitors(self, output: JepaOutput) -> dict[str, Tensor]:
        """What shows a collapse early, by name: spread of the targets, of hidden particles and of whole jets, and
        effective rank of the embeddings."""
        monitors = {
            "target_std": token_std(output.target_tokens, output.is_target),
            "effective_rank": effective_rank(output.embedding),
            "ema_momentum": self.ema_momentum,
        }
        if output.target_latent is not None:
            monitors["event_target_std"] = output.target_latent.std(dim=0, correction=0).mean()
        return monitors

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """A run that starts from the weights of another one has its own step and EMA momentum."""
        return {key: value for key, value in super().pick_weights(state_dict).items() if "." in key}

    def _embedding_of(self, encoded: EncodedJets) -> Tensor:
        if self.embedding == "class" and encoded.latent is not None:
            return encoded.latent
        return encoded.mean_token()
