"""Base class of objectives that predict masked particles from visible ones: augmentation, masks, predictor."""

from collections.abc import Sequence
from dataclasses import replace

from hepjepa_weaver.batch.augmentation import Augmentation, without, without_features
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config.masked import MaskedConfig
from hepjepa_weaver.objectives.base import PretrainingObjective
from hepjepa_weaver.objectives.masked.hiding import HiddenView, hide
from hepjepa_weaver.objectives.masked.masking import Masking
from hepjepa_weaver.objectives.masked.predictor import Predictor
from hepjepa_weaver.weaver_api.log import logger


class MaskedObjective(PretrainingObjective):
    """An objective that masks a part of each jet for `context_encoder`; its `predictor` predicts that part."""

    def __init__(
        self,
        inputs: NetworkInputs,
        config: MaskedConfig,
        trains_class_token: bool = False,
        spreads: Sequence[str] = (),
        predicts_jet: bool = False,
        predicts_seen: bool = False,
        predicts_hidden: bool = True,
    ) -> None:
        """Build encoder, augmentation, masking and predictor.

        Args:
            inputs: reader and columns of the data config.
            config: options of the objective.
            trains_class_token: make ParT's class blocks part of the network.
            spreads: names of the measures in `ranks` and `spreads`, besides the effective rank.
            predicts_jet: let the predictor predict the whole jet.
            predicts_seen: let the predictor predict particles of the context as well.
            predicts_hidden: let the predictor predict the masked particles.
        """
        super().__init__(inputs, config, trains_class_token, spreads)
        self.augment, self.student = Augmentation(config.augment, inputs.columns, config.speed.layout), config.student
        self.masking, self.tokens_are_particles = Masking(config.masking), config.tokens.tokens == "particles"
        self.predictor = Predictor(
            config.encoder.width, config.predictor, predicts_jet, predicts_seen, predicts_hidden, config.speed.layout
        )
        for kind, places in inputs.columns.to_drop().items():
            if getattr(config.student, f"student_drops_{kind}") > 0 and not places:
                logger.warning("-o student_drops_%s has no effect: the data config has no such features", kind)

    def hide(self, jets: Jets) -> HiddenView:
        """Draw new masks, and in training new augmentations, for every jet.

        Features that an augmentation drops are dropped for both encoders. Masked particles to predict keep them.
        """
        if not self.training:
            return hide(self.patches(jets), self.masking)
        jets = self.augment.with_other_particles(jets)
        turned = self.augment.moved(jets) if self.augment.config.turn_context else None
        lost, asked = self.augment.lost_features(jets), None
        if lost is not None and self.tokens_are_particles:
            asked = jets if turned is None else turned
        shown, shown_turned = without(jets, lost), None
        if turned is not None:
            shown_turned = self.patches(without(turned, lost), grouped_as=shown)
        return self.as_shown(hide(self.patches(shown), self.masking, shown_turned, asked))

    def as_shown(self, view: HiddenView) -> HiddenView:
        """Return the view with some features of its context set to 0 in training, as the options of the student say."""
        if not self.training:
            return view
        context = view.context
        for kind, places in self.columns.to_drop().items():
            context = without_features(context, places, getattr(self.student, f"student_drops_{kind}"))
        return replace(view, context=context)
