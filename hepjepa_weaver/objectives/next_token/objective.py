"""What both networks of next-token pre-training share: frozen tokenizer, sequences, head, and what is logged.

Shapes: N jets, D width.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.config.omnijet import OmnijetConfig
from hepjepa_weaver.objectives.base import SelfSupervised
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.masked.code_losses import CodeLosses
from hepjepa_weaver.objectives.next_token.head import TokenHead
from hepjepa_weaver.objectives.next_token.known_totals import KnownTotals
from hepjepa_weaver.objectives.next_token.running_totals import RunningTotals
from hepjepa_weaver.objectives.next_token.sequences import Sequences
from hepjepa_weaver.objectives.next_token.start_token import jet_totals
from hepjepa_weaver.tokens.frozen import TOKENIZER
from hepjepa_weaver.tokens.tokenizer import JetTokenizer


class ClassLabel(NamedTuple):
    """The label that tells the class of a jet."""

    name: str
    num_classes: int


@dataclass(frozen=True)
class NextTokenOutput:
    """Output of one forward pass.

    Attributes:
        next: losses of the next tokens; None without them.
        masked: losses of the masked particles' tokens; None without them.
        composition: loss of the fractions of masked particles with each token, a scalar; None without it.
        embedding: (N, D), embeddings in the order of the batch.
    """

    embedding: Tensor
    next: CodeLosses | None = None
    masked: CodeLosses | None = None
    composition: Tensor | None = None


class NextTokenLoss(nn.Module):
    """Weighted sum of the cross entropies of next tokens, of masked ones, and of their composition."""

    def __init__(self, config: OmnijetConfig) -> None:
        super().__init__()
        self.config = config.next

    def forward(self, output: NextTokenOutput) -> LossTerms:
        """Compute the weighted sum of the terms, and the terms."""
        found = {name: loss for name in ("next", "masked") if (loss := getattr(output, name)) is not None}
        terms = {name: loss.entropy for name, loss in found.items()}
        if output.composition is not None:
            terms["composition"] = output.composition
        weighted = (getattr(self.config, f"{name}_weight") * term for name, term in terms.items())
        accuracies = {f"{name}_accuracy": loss.accuracy for name, loss in found.items()}
        return LossTerms(sum(weighted, torch.zeros(())), terms | accuracies)


class NextTokenObjective(SelfSupervised):
    """A network that predicts the next code of a frozen tokenizer, and maybe is told the class of the jet."""

    own_files: ClassVar[tuple[str, ...]] = (TOKENIZER,)
    heads_of: ClassVar[Mapping[str, tuple[str, ...]]] = {"token_head.to_codes": (TOKENIZER,)}
    tokenizer: JetTokenizer
    sequences: Sequences
    token_head: TokenHead
    known_totals: KnownTotals | None
    running_totals: RunningTotals | None

    def set_parts(self, config: OmnijetConfig, tokenizer: JetTokenizer, label: ClassLabel | None) -> None:
        """Add tokenizer, sequences, head, and what is told of totals.

        Args:
            config: options.
            tokenizer: the frozen tokenizer.
            label: the class that the start token tells; None without classes.
        """
        self.label_name = label.name if label else None
        self.tokenizer, self.sequences = tokenizer, Sequences(config.next.longest)
        self.token_head = TokenHead(
            config.encoder.width, tokenizer.num_codes, config.next.token_head_layers, config.next.token_head_heads,
            config.encoder.dropout, config.next.longest,
        )  # fmt: skip
        is_given = config.next.jet_totals == "given"
        self.known_totals = KnownTotals() if is_given else None
        self.running_totals = RunningTotals(config.encoder.width, is_given) if config.next.running_totals else None

    def totals_told(self, jets: Jets) -> Tensor | None:
        """Return the totals (N, 4) of jets, if the network is given them."""
        return None if self.known_totals is None else jet_totals(jets)

    def keep_totals(self, totals: Tensor | None, label: Tensor | None) -> None:
        """Keep totals (N, 4) and classes (N,) of training jets, for a generator that is to be told such ones."""
        if self.training and self.known_totals is not None and totals is not None:
            self.known_totals.add(totals, label)

    @abstractmethod
    def pretext_task(self, jets: Jets, label: Tensor | None = None) -> NextTokenOutput:
        """Predict the code of each particle from those before it.

        Args:
            jets: the jets.
            label: (N,), class of each jet, negative if unknown; None if all are unknown.
        """

    def train(self, mode: bool = True) -> "NextTokenObjective":
        """Set training mode; the tokenizer stays in eval mode."""
        super().train(mode)
        self.tokenizer.eval()
        return self

    def task(self, *inputs: Tensor) -> NextTokenOutput:
        """Return the input of the loss for weaver's inputs, with the label behind them if classes are given."""
        number = len(self.reader.input_names)
        return self.pretext_task(self.reader(*inputs[:number]), inputs[number] if len(inputs) > number else None)

    def start_validation(self) -> None:
        """Start to count tokens and cut jets anew."""
        self.token_head.start_validation()
        self.sequences.start_count()

    def validation_metric(self, losses: Mapping[str, float]) -> float:
        """Return 1 / (1 + loss)."""
        return 1 / (1 + losses["total"])

    def validation_summary(self) -> dict[str, float]:
        """Return accuracy and loss by position, and the fraction of jets that were cut; nothing without next tokens."""
        if not self.token_head.has_counted():
            return {}
        return {**self.token_head.summary(), "cut_jets": self.sequences.fraction_cut()}
