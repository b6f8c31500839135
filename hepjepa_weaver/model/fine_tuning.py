"""What fine-tuned networks have in common: pre-trained weights, a head, and an encoder that can be frozen."""

from abc import abstractmethod
from typing import Any

from torch import nn

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config.classifiers import TuningConfig
from hepjepa_weaver.config.option import require
from hepjepa_weaver.model.weights import LoadsInitialWeights


def check_head_epochs(model: nn.Module, tuning: TuningConfig) -> None:
    """Check that the encoder is not to be released during a training with several processes.

    Raises:
        UserError: it is.
    """
    is_parallel = isinstance(model, nn.parallel.DistributedDataParallel)
    require(not (is_parallel and tuning.head_epochs > 0), "head_epochs", tuning.head_epochs,
            "0 with several processes")  # fmt: skip


class FineTuned(LoadsInitialWeights):
    """A classifier that starts from pre-trained weights.

    Attributes:
        tuning: options of the fine-tuning.
        has_weights: whether the weights may be used, that is, whether they are trained or may be random.
    """

    tuning: TuningConfig
    has_weights: bool
    is_encoder_frozen = False

    def set_tuning(self, tuning: TuningConfig) -> None:
        """Take the options, and freeze the encoder if they say so; call it when all parts are there."""
        self.tuning, self.has_weights = tuning, tuning.from_scratch
        self.frozen_parameters: list[nn.Parameter] = []
        if tuning.freeze:
            self.set_encoder_frozen(True)

    @property
    @abstractmethod
    def encoder_part(self) -> nn.Module:
        """The module that is frozen with the encoder, dropout and BatchNorm included."""

    @property
    @abstractmethod
    def num_blocks(self) -> int:
        """Number of blocks of the encoder."""

    @abstractmethod
    def head_names(self) -> set[str]:
        """Return the names of the parameters that belong to the head."""

    def start_epoch(self, epoch: int) -> None:
        """Freeze the encoder in the first epochs, counted from 0, that train the head alone."""
        self.set_encoder_frozen(self.tuning.freeze or epoch < self.tuning.head_epochs)

    def set_encoder_frozen(self, is_frozen: bool) -> None:
        """Freeze or release the encoder.

        A frozen encoder gets no gradients. In training mode it has no dropout, and BatchNorm keeps its statistics.
        Parameters that were frozen before stay frozen: the optimiser does not know them.
        """
        if is_frozen == self.is_encoder_frozen:
            return
        self.is_encoder_frozen = is_frozen
        if is_frozen:
            head = self.head_names()
            encoder = [parameter for name, parameter in self.named_parameters() if name not in head]
            self.frozen_parameters = [parameter for parameter in encoder if parameter.requires_grad]
        for parameter in self.frozen_parameters:
            parameter.requires_grad_(not is_frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "FineTuned":
        """Set training mode; a frozen encoder stays in eval mode."""
        super().train(mode)
        if self.is_encoder_frozen:
            self.encoder_part.eval()
        return self

    def check_ready(self) -> None:
        """Raise a UserError if the weights are random and `-o from_scratch` does not allow that."""
        if not self.has_weights:
            raise UserError(
                "nothing to fine-tune: give --load-model-weights <pre-training checkpoint>, or -o from_scratch True"
            )

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Load the weights and note that they are no longer random."""
        result = super().load_state_dict(state_dict, strict=strict, assign=assign)
        self.has_weights = True
        return result
