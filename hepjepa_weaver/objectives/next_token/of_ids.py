"""Codes of particles from the codes of the harder ones: next-token pre-training as published [OmniJet-α 2403.05618].

Shapes: N jets, P particles, D width.
"""

from torch import Tensor

from hepjepa_weaver.batch.augmentation import Augmentation
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.jets import Jets, in_old_order, mean_over_real
from hepjepa_weaver.config.omnijet import OmnijetConfig
from hepjepa_weaver.objectives.metrics import effective_rank
from hepjepa_weaver.objectives.next_token.id_encoder import IdEncoder
from hepjepa_weaver.objectives.next_token.objective import ClassLabel, NextTokenObjective, NextTokenOutput
from hepjepa_weaver.objectives.next_token.running_totals import running_sums
from hepjepa_weaver.tokens.stepwise_decoder import require_stepwise
from hepjepa_weaver.tokens.tokenizer import JetTokenizer

ID_ENCODER = "id_encoder"
"""Name of the part that fine-tuning takes."""
RUNNING_TOTALS = "running_totals"
"""Name of a part that fine-tuning cannot take."""


class NextTokenOfIds(NextTokenObjective):
    """A frozen tokenizer, a causal transformer over its codes, and a head to the next code."""

    def __init__(
        self, inputs: NetworkInputs, config: OmnijetConfig, tokenizer: JetTokenizer, label: ClassLabel | None
    ) -> None:
        """Build the network.

        Args:
            inputs: reader and columns of the data config.
            config: options.
            tokenizer: the frozen tokenizer.
            label: the class that the start token tells; None without classes.
        """
        super().__init__(inputs, config.monitor, ("effective_rank",))
        self.augment = Augmentation(config.augment, inputs.columns)
        self.id_encoder = IdEncoder(
            tokenizer.num_codes, config.encoder.width, config.encoder.num_layers, config.encoder.num_heads,
            config.encoder.dropout, label.num_classes if label else 0,
            config.next.jet_totals == "given",
        )  # fmt: skip
        self.set_parts(config, tokenizer, label)
        if self.running_totals is not None:
            require_stepwise(tokenizer)

    def pretext_task(self, jets: Jets, label: Tensor | None = None) -> NextTokenOutput:
        """Predict the code of each particle from the codes of those before it."""
        if self.training:
            jets = self.augment(jets)
        jets, ends = self.sequences(jets)
        order = jets.by_length()
        jets, index = jets.reordered(order), order.to(ends.device)
        codes, totals = self.tokenizer.codes(jets), self.totals_told(jets)
        label = None if label is None else label[index]
        self.keep_totals(totals, label)
        states = self.states(codes, jets.num_real, label, totals)
        losses = self.token_head(states, codes, jets.num_real, ends[index])
        if label is not None and not self.training:
            states = self.states(codes, jets.num_real, None, totals)  # a probe must not be told the class
        return NextTokenOutput(in_old_order(mean_state(states, jets).detach(), order), next=losses)

    def states(
        self, codes: Tensor, num_real: Tensor, label: Tensor | None = None, totals: Tensor | None = None
    ) -> Tensor:
        """Return the causal states (N, P + 1, D) of codes (N, P); those of padding mean nothing."""
        added = None
        if self.running_totals is not None and codes.size(1):
            added = self.running_totals(running_sums(self.tokenizer.particles(codes)), totals)
        states: Tensor = self.id_encoder(codes, num_real, label, added=added, totals=totals)
        return states

    def predict(self, jets: Jets) -> Tensor:
        """Return the embeddings (N, D) of whole jets: the mean of their causal states."""
        jets, _ = self.sequences(jets)
        order = jets.by_length()
        jets = jets.reordered(order)
        states = self.states(self.tokenizer.codes(jets), jets.num_real, None, self.totals_told(jets))
        return in_old_order(mean_state(states, jets), order)

    def ranks(self, output: NextTokenOutput) -> dict[str, Tensor]:
        """Return the effective rank of the embeddings."""
        return {"effective_rank": effective_rank(output.embedding)}

    def is_needed(self, name: str) -> bool:
        """Tell whether weights to start from must have this name: those of the network over codes."""
        return name.startswith(f"{ID_ENCODER}.")


def mean_state(states: Tensor, jets: Jets) -> Tensor:
    """Return the mean (N, D) of the particles' states; states (N, P + 1, D) start with that of the start token."""
    return mean_over_real(states[:, 1:], jets.is_real)
