"""Heads for all targets of a masked particle that have a weight, each with its loss.

Shapes: N jets, P particles, T masked particles, d width of the predictor.
"""

from torch import Tensor, nn

from hepjepa_weaver.batch.columns import FeatureColumns
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MpmConfig
from hepjepa_weaver.model.encoder import EncodedJets
from hepjepa_weaver.objectives.masked.code_losses import code_losses, composition_loss, of_masked
from hepjepa_weaver.objectives.masked.densities import FlowMatchingTarget, FlowTarget
from hepjepa_weaver.objectives.masked.feature_head import FeatureHead
from hepjepa_weaver.objectives.masked.hiding import HiddenView
from hepjepa_weaver.objectives.masked.set_flow import SetFlowTarget
from hepjepa_weaver.tokens.particle_statistics import ParticleStatistics, independent_places

Losses = dict[str, Tensor]


class ParticleTargets(nn.Module):
    """One head for each target; the names of losses are those of the weights among the options.

    Args:
        config: options.
        width: width d of the predictor's states.
        columns: columns of the data config.
        statistics: statistics of particles, if a target needs them.
        num_codes: number of codes of the tokenizer, if there is one.

    Attributes:
        reads_states: whether a head reads the predictor's states; flow matching of sets does not.

    Raises:
        UserError: particle types are the only target, and the data config has none.
    """

    def __init__(
        self,
        config: MpmConfig,
        width: int,
        columns: FeatureColumns,
        statistics: ParticleStatistics | None,
        num_codes: int,
    ) -> None:
        super().__init__()
        targets, self.places = config.targets, independent_places(columns)
        self.config, number = targets, len(self.places)
        self.features: FeatureHead | None = None
        if targets.regression_weight > 0 or targets.identity_weight > 0:
            self.features = FeatureHead(width, columns)
            if targets.regression_weight == 0:
                self.features.to_values.requires_grad_(False)
            if targets.identity_weight == 0 and self.features.to_classes is not None:
                self.features.to_classes.requires_grad_(False)
        self.to_codes = nn.Linear(width, num_codes) if targets.token_weight > 0 else None
        num_clusters = statistics.config.clusters if statistics is not None else 0
        self.to_clusters = nn.Linear(width, num_clusters) if targets.cluster_weight > 0 else None
        self.to_composition: nn.Linear | None = None
        if targets.composition_weight > 0:
            self.to_composition = nn.Linear(config.encoder.width, num_clusters)
        self.flow = FlowTarget(width, number, targets) if targets.flow_weight > 0 else None
        self.matching = FlowMatchingTarget(width, number) if targets.flow_matching_weight > 0 else None
        self.set_flow: SetFlowTarget | None = None
        if targets.set_flow_weight > 0:
            self.set_flow = SetFlowTarget(config.encoder.width, number, config.predictor, config.speed.layout)
        reads_states = (self.features, self.to_codes, self.to_clusters, self.flow, self.matching)
        self.reads_states = any(head is not None for head in reads_states)
        if self.features is not None and self.features.to_classes is None and targets.regression_weight == 0:
            raise UserError("-o identity_weight is above 0, and the data config has no particle types: give other "
                            "targets a weight, or add part_charge and part_is…")  # fmt: skip

    def forward(
        self,
        states: Tensor,
        context: EncodedJets,
        view: HiddenView,
        statistics: ParticleStatistics | None,
        codes: Tensor | None,
    ) -> tuple[Losses, Losses]:
        """Return the losses, and the accuracies of codes and clusters, as scalars by name.

        Args:
            states: (N, T, d), the predictor's states of the masked particles.
            context: the encoded context.
            view: the jets with their masks.
            statistics: statistics of particles.
            codes: (N, P), codes of the jets of the view.
        """
        is_target, losses, accuracies = view.hidden.is_real, Losses(), Losses()
        if self.features is not None:
            losses |= self._of_features(states, view, statistics)
        if self.to_codes is not None and codes is not None:
            wanted = of_masked(codes, view)
            found = code_losses(self.to_codes, states, wanted, is_target, self.config.token_smoothing)
            losses["token"], accuracies["token_accuracy"] = found.entropy, found.accuracy
        if self.to_clusters is not None and statistics is not None:
            wanted = statistics.clusters(view.hidden.features)
            found = code_losses(self.to_clusters, states, wanted, is_target, self.config.cluster_smoothing)
            losses["cluster"], accuracies["cluster_accuracy"] = found.entropy, found.accuracy
        if self.to_composition is not None and statistics is not None:
            wanted = statistics.clusters(view.unturned().features)
            losses["composition"] = composition_loss(self.to_composition(context.mean_token()), wanted, is_target)
        if self.flow is None and self.matching is None and self.set_flow is None:
            return losses, accuracies
        values = self._values(view.hidden.features, self.places, statistics)
        if self.flow is not None:
            losses["flow"] = self.flow(states, values, is_target)
        if self.matching is not None:
            losses["flow_matching"] = self.matching(states, values, is_target)
        if self.set_flow is not None:
            losses["set_flow"] = self.set_flow(context, view, values)
        return losses, accuracies

    def _of_features(self, states: Tensor, view: HiddenView, statistics: ParticleStatistics | None) -> Losses:
        assert self.features is not None
        features = view.hidden.features
        wanted = self._values(features, self.features.continuous, statistics)
        found = self.features(states, features, view.hidden.is_real, wanted).terms()
        return {name: loss for name, loss in found.items() if getattr(self.config, f"{name}_weight") > 0}

    def _values(self, features: Tensor, places: list[int], statistics: ParticleStatistics | None) -> Tensor:
        """Return continuous features (N, T, F) of particles (N, C, T) in the scale of the targets."""
        values = features[:, places].transpose(1, 2).float()
        if self.config.target_scale == "normal" and statistics is not None:
            return statistics.normal(values, places)
        return values
