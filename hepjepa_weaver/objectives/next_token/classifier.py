"""A classifier on the codes of jets, from next-token pre-training as published [OmniJet-α 2403.05618, section 3.3].

Shapes: N jets, P particles, D width, K classes.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import in_old_order
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import OmnijetFinetuneConfig
from hepjepa_weaver.model.classifier import build_head
from hepjepa_weaver.model.fine_tuning import FineTuned
from hepjepa_weaver.model.pooling import ClassAttention, Mean, Summation
from hepjepa_weaver.model.weights import Weights
from hepjepa_weaver.objectives.next_token.id_encoder import IdEncoder
from hepjepa_weaver.objectives.next_token.of_ids import ID_ENCODER, RUNNING_TOTALS
from hepjepa_weaver.objectives.next_token.sequences import Sequences
from hepjepa_weaver.tokens.frozen import TOKENIZER, check_same
from hepjepa_weaver.tokens.tokenizer import JetTokenizer

LONGEST = 512
"""Largest number of particles of a jet that is classified; weaver's data configs cut at 128."""


class IdClassifier(FineTuned):
    """A frozen tokenizer, a transformer over its codes, and a head.

    Args:
        inputs: reader and columns of the data config.
        config: options.
        tokenizer: the frozen tokenizer.
        num_classes: number K of classes.
    """

    def __init__(
        self, inputs: NetworkInputs, config: OmnijetFinetuneConfig, tokenizer: JetTokenizer, num_classes: int
    ) -> None:
        super().__init__()
        width, heads = config.encoder.width, config.encoder.num_heads
        self.reader, self.tokenizer, self.sequences = inputs.reader, tokenizer, Sequences(LONGEST)
        self.augment = Augmentation(config.augment, inputs.columns)
        self.id_encoder = IdEncoder(
            tokenizer.num_codes, width, config.encoder.num_layers, heads, config.encoder.dropout
        )
        poolings: dict[str, Callable[[], nn.Module]] = {
            "mean": Mean,
            "sum": partial(Summation, width),
            "class_attention": partial(ClassAttention, width, config.encoder.num_cls_layers, heads),
        }
        self.pool = poolings[config.tuning.pooling]()
        self.fc = build_head(width, num_classes, config.head.fc_params,
                             standardise=config.tuning.pooling != "class_attention")  # fmt: skip
        self.set_tuning(config.tuning)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return scores (N, K)."""
        jets = self.reader(*inputs)
        if self.training:
            jets = self.augment(jets)
        jets, _ = self.sequences(jets)
        order = jets.by_length()
        jets = jets.reordered(order)
        codes = self.tokenizer.codes(jets)
        states = self.id_encoder(codes, jets.num_real, is_causal=self.tuning.attention == "causal")
        scores: Tensor = self.fc(self.pool(states[:, 1:], jets.is_real))
        return in_old_order(scores, order)

    @property
    def encoder_part(self) -> nn.Module:
        """The transformer over codes."""
        return self.id_encoder

    @property
    def num_blocks(self) -> int:
        """Number of blocks of the transformer."""
        return len(self.id_encoder.blocks)

    def head_names(self) -> set[str]:
        """Return the names of the parameters that belong to the head."""
        return {name for name, _ in self.named_parameters() if name.startswith(("fc.", "pool."))}

    def train(self, mode: bool = True) -> "IdClassifier":
        """Set training mode; the tokenizer stays in eval mode."""
        super().train(mode)
        self.tokenizer.eval()
        return self

    def is_needed(self, name: str) -> bool:
        """Tell whether weights to start from must have this name: those of the transformer over codes."""
        return name.startswith(f"{ID_ENCODER}.")

    def pick_weights(self, state_dict: Weights) -> dict[str, Tensor]:
        """Return the weights to start from: the transformer's, and the head's if they have this shape.

        Raises:
            UserError: the checkpoint has no such transformer, or one of another size.
        """
        own = self.state_dict()
        if not any(self.is_needed(name) for name in state_dict):
            raise UserError(
                "--load-model-weights: the checkpoint holds no network over codes; give one of omnijet_pretrain.py "
                "with -o preset paper"
            )
        check_same(self.tokenizer, state_dict)
        told = {RUNNING_TOTALS: "running_totals True", f"{ID_ENCODER}.start.of_totals": "jet_totals given"}
        for part, option in told.items():
            if any(name.startswith(f"{part}.") for name in state_dict):
                raise UserError(
                    f"--load-model-weights: the checkpoint was pre-trained with -o {option}, which omnijet_finetune "
                    "does not know: pre-train without"
                )
        of_class = f"{ID_ENCODER}.start.of_class."  # a classifier must not be told the class
        picked = {name: value for name, value in state_dict.items()
                  if name in own and not name.startswith((f"{TOKENIZER}.", of_class))
                  and (self.is_needed(name) or value.shape == own[name].shape)}  # fmt: skip
        unfit = [name for name, value in own.items() if self.is_needed(name)
                 and (name not in picked or picked[name].shape != value.shape)]  # fmt: skip
        if unfit:
            raise UserError(
                f"--load-model-weights: {len(unfit)} weights of the network over codes are missing or of another "
                f"shape, first {unfit[0]}; give the -o options and the tokenizer of the pre-training"
            )
        return picked
