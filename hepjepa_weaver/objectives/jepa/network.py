"""HEP-JEPA (2502.03933): from visible particles, the embedding of the jet and what is masked (kinds, or embeddings)."""

import copy
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, in_old_order, kept_particles, take
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import JepaConfig
from hepjepa_weaver.model.encoder import EncodedJets, ParTEncoder
from hepjepa_weaver.model.weights import CONTEXT_ENCODER, TARGET_ENCODER, Weights
from hepjepa_weaver.objectives.jepa.ema import momentum_at, update_ema
from hepjepa_weaver.objectives.jepa.loss import JepaOutput, ParticleParts
from hepjepa_weaver.objectives.jepa.residual_targets import ResidualTargets
from hepjepa_weaver.objectives.jepa.target_probe import TargetProbe
from hepjepa_weaver.objectives.jepa.targets import TARGET_NORMS
from hepjepa_weaver.objectives.losses import layer_norm
from hepjepa_weaver.objectives.masked.code_losses import composition_loss
from hepjepa_weaver.objectives.masked.feature_head import FeatureHead
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.objectives.masked.objective import MaskedObjective
from hepjepa_weaver.objectives.masked.predictor import PredictedStates
from hepjepa_weaver.objectives.metrics import effective_rank, jet_std, token_std
from hepjepa_weaver.particle_transformer.pairs import real_pairs
from hepjepa_weaver.tokens.fitted_statistics import STATISTICS
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics


def spread_names(config: JepaConfig) -> tuple[str, ...]:
    """Return the names of the measures of `Jepa.ranks` and `Jepa.spreads`, besides the effective rank."""
    event = ("event_target_std",) if config.loss.event_weight > 0 else ()
    return ("target_std", *event, "context_rank", "context_std")


class Jepa(MaskedObjective):
    """Context encoder, its EMA copy as target encoder, predictor and masking.

    In training mode `forward` returns a `JepaOutput`, in eval mode the embeddings (N, D) of whole jets. The state dict
    holds what a resumed run needs: both encoders, predictor, step, EMA momentum.
    """

    ema_momentum: Tensor
    run_state = (*MaskedObjective.run_state, "ema_momentum", "residual")
    own_files = (STATISTICS,)
    heads_of: ClassVar[Mapping[str, tuple[str, ...]]] = {"to_composition": (STATISTICS,)}
    collapse_advice = (
        "Likely a learning rate that is too high, a target encoder that follows too fast, or nothing that keeps the "
        "embeddings apart: lower --start-lr, raise -o ema_start and ema_end, or give -o variance_weight and "
        "covariance_weight, koleo_weight or sigreg_weight a value, and -o target_norm batch."
    )

    def __init__(self, inputs: NetworkInputs, config: JepaConfig, statistics: ParticleStatistics | None = None) -> None:
        """Build the network.

        Args:
            inputs: reader and columns of the data config.
            config: options.
            statistics: statistics of particles, for `composition_weight`.

        Raises:
            UserError: `composition_weight` is above 0, and the network config gives no statistics.
        """
        if config.loss.composition_weight > 0 and statistics is None:
            raise UserError("-o composition_weight needs clusters, and this network config gives Jepa none: pass some "
                            "as network_configs/hepjepa_pretrain.py does, or give -o composition_weight 0")  # fmt: skip
        super().__init__(
            inputs,
            config,
            trains_class_token=config.trains_class_token,
            spreads=spread_names(config),
            predicts_jet=config.loss.event_weight > 0,
            predicts_seen=config.target.loss_on == "all",
            predicts_hidden=config.loss.predicts_particles,
        )
        self.config, columns = config, inputs.columns
        self.target_encoder = copy.deepcopy(self.context_encoder).requires_grad_(False).eval()
        width, state_width = self.context_encoder.width, self.predictor.dim
        self.to_embedding = nn.Linear(state_width, width) if config.loss.particle_weight > 0 else None
        self.to_event = nn.Linear(state_width, width) if config.loss.event_weight > 0 else None
        self.feature_head = FeatureHead(state_width, columns) if config.loss.regression_weight > 0 else None
        self.particle_statistics = statistics
        self.to_composition = nn.Linear(width, statistics.config.clusters) if statistics is not None else None
        removed = config.target.target_removes
        self.residual = None if removed == "nothing" else ResidualTargets(self.patches.num_features, width, removed)
        self.target_probe = TargetProbe(self.patches.num_features, width)
        self.register_buffer("ema_momentum", torch.tensor(config.ema.ema_start))

    @property
    def embedder(self) -> ParTEncoder:
        """The encoder that `-o embed_with` names."""
        return self.target_encoder if self.config.ema.embed_with == "target" else self.context_encoder

    def train(self, mode: bool = True) -> "Jepa":
        """Set training mode; the target encoder stays in eval mode: no dropout, running BatchNorm statistics."""
        super().train(mode)
        self.target_encoder.eval()
        return self

    def pretext_task(self, jets: Jets) -> JepaOutput:
        """Mask a part of each jet, and predict from the rest the jet's embedding and what is masked."""
        view = self.hide(jets)
        whole = self._whole_jets(view)
        event = self._event_target(whole)
        context = self.context_encoder(view.context, view.context_pairs)
        seen_event = self._event(context)
        states = self.predictor(context, view, seen_event)
        particles = self._particles(view, whole, states)
        if not self.training:
            self._probe(view, whole, particles)
        features = None
        if self.feature_head is not None:
            features = self.feature_head(states.hidden, view.hidden.features, view.hidden.is_real)
        is_embedder_used = self.training or self.embedder is self.target_encoder
        return JepaOutput(
            **particles,
            predicted_latent=self.to_event(states.jet) if self.to_event is not None else None,
            target_latent=None if event is None else self._normalised(event.unsqueeze(1)).squeeze(1),
            encoded_latent=event,
            context_embedding=context.mean_token() if seen_event is None else seen_event,
            features=features,
            composition=self._composition(context, view),
            embedding=in_old_order(self.pooled(whole), view.order) if is_embedder_used else self.embed(jets),
        )

    def _particles(self, view: HiddenView, whole: EncodedJets, states: PredictedStates) -> ParticleParts:
        """Return what `JepaOutput` holds of single particles."""
        if self.to_embedding is None:
            return ParticleParts(
                predicted_tokens=None, target_tokens=None, encoded_tokens=whole.targets, is_target=view.jets.is_real
            )
        answers = states.hidden if states.seen is None else torch.cat([states.hidden, states.seen], dim=1)
        index, is_target = self._asked_for(view)
        wanted = tokens = take(whole.targets.transpose(1, 2), index).transpose(1, 2)
        if self.residual is not None:
            wanted = self.residual(tokens, take(view.jets.features, index), whole.mean_target(), is_target)
        return ParticleParts(
            predicted_tokens=self.to_embedding(answers),
            target_tokens=self._normalised(wanted, is_target),
            encoded_tokens=tokens,
            is_target=is_target,
        )

    def _composition(self, context: EncodedJets, view: HiddenView) -> Tensor | None:
        """Return the loss of the fractions of masked particles in each cluster, in the orientation of the context."""
        if self.to_composition is None or self.particle_statistics is None:
            return None
        wanted = self.particle_statistics.clusters(view.hidden.features)
        return composition_loss(self.to_composition(context.mean_token()), wanted, view.hidden.is_real)

    def start_validation(self) -> None:
        """Start to ask anew what explains the targets."""
        self.target_probe.start()

    def validation_summary(self) -> dict[str, float]:
        """Return how much of the targets is explained by what (`target_probe`)."""
        return self.target_probe.summary()

    def _probe(self, view: HiddenView, whole: EncodedJets, particles: ParticleParts) -> None:
        """Note what may explain the targets of the masked particles, if these are predicted."""
        hidden, predicted, targets = view.hidden, particles["predicted_tokens"], particles["target_tokens"]
        if predicted is None or targets is None:
            return
        rows, slots = hidden.is_real.nonzero(as_tuple=True)
        jet = self._normalised(whole.mean_target().unsqueeze(1)).squeeze(1)
        inputs = hidden.features.transpose(1, 2)
        self.target_probe.see(inputs[rows, slots], jet[rows], targets[rows, slots], predicted[rows, slots], rows % 2)

    @torch.no_grad()
    def _whole_jets(self, view: HiddenView) -> EncodedJets:
        """Encode all particles of the jets with the target encoder."""
        layers = self.config.target.target_layers
        reads_latent = self.config.target.event_target == "latent" or self.monitor.embedding == "class"
        pairs, mean = real_pairs(view.jets), None if layers == "last" else layers
        whole: EncodedJets = self.target_encoder(view.jets, pairs, mean, tokens_only=not reads_latent)
        return whole

    def _event(self, context: EncodedJets) -> Tensor | None:
        """Return the vector (N, D) of the context in the event loss; None without an event loss."""
        if self.to_event is None:
            return None
        return context.mean_token() if self.config.target.event_latent == "mean" else context.latent

    def _event_target(self, whole: EncodedJets) -> Tensor | None:
        """Return the target (N, D) of the event loss, not yet normalised."""
        if self.to_event is None or self.config.target.event_target == "latent":
            return self._event(whole)
        return whole.mean_target()

    def _normalised(self, tokens: Tensor, is_target: Tensor | None = None) -> Tensor:
        """Normalise tokens (N, T, D) of the target encoder as targets; without `is_target` (N, T) all are targets."""
        if is_target is None:
            is_target = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return TARGET_NORMS[self.config.target.target_norm](tokens, is_target)

    def _asked_for(self, view: HiddenView) -> tuple[Tensor, Tensor]:
        """Return slots (N, T) of the whole jet whose embeddings are predicted, and which are not padding."""
        hidden, is_hidden = kept_particles(view.masks.is_target, view.masks.num_target)
        if self.config.target.loss_on == "hidden":
            return hidden, is_hidden
        seen, is_seen = kept_particles(view.masks.is_context, view.masks.num_context)
        return torch.cat([hidden, seen], dim=1), torch.cat([is_hidden, is_seen], dim=1)

    def after_optimizer_step(self, step: int, total_steps: int | None) -> None:
        """Move the target encoder after optimiser step number `step`, from 1, of `total_steps` in the whole run."""
        super().after_optimizer_step(step, total_steps)
        momentum = momentum_at(self.config.ema, step, total_steps)
        self.ema_momentum.fill_(momentum)
        update_ema(self.target_encoder, self.context_encoder, momentum)

    @torch.no_grad()
    def ranks(self, output: JepaOutput) -> dict[str, Tensor]:
        """Return the effective ranks of whole jets and of contexts."""
        return {**super().ranks(output), "context_rank": effective_rank(output.context_embedding)}

    @torch.no_grad()
    def spreads(self, output: JepaOutput) -> dict[str, Tensor]:
        """Return the standard deviations of layer-normed targets (particles, whole jets) and contexts."""
        spreads = {"target_std": token_std(layer_norm(output.encoded_tokens), output.is_target)}
        if output.encoded_latent is not None:
            spreads["event_target_std"] = jet_std(layer_norm(output.encoded_latent))
        spreads["context_std"] = jet_std(layer_norm(output.context_embedding))
        return spreads

    def monitors(self, output: JepaOutput) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the EMA momentum, for the log."""
        return {"ema_momentum": self.ema_momentum}

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from.

        If they come from an objective without target encoder, both encoders get those of the context encoder.
        """
        picked = super().pick_weights(state_dict)
        names = self.target_encoder.state_dict()
        return {f"{TARGET_ENCODER}.{name}": picked[f"{CONTEXT_ENCODER}.{name}"] for name in names} | picked
