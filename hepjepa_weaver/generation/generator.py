"""A pre-trained next-token model that makes jets, built again from its checkpoint alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import saved_columns
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import OmnijetConfig
from hepjepa_weaver.config.options import config_of_saved
from hepjepa_weaver.generation.sampling import DrawnJets, Sampling, draw_jets
from hepjepa_weaver.generation.steps import FeatureSteps, IdSteps, Steps
from hepjepa_weaver.model.made_with import read_made_with
from hepjepa_weaver.model.weights import load_part, read_weights
from hepjepa_weaver.objectives.next_token.decoded_particles import axis_of_totals, check_columns
from hepjepa_weaver.objectives.next_token.objective import ClassLabel
from hepjepa_weaver.objectives.next_token.of_features import NextTokenOfFeatures
from hepjepa_weaver.objectives.next_token.of_ids import NextTokenOfIds
from hepjepa_weaver.tokens.fitted_statistics import load_statistics
from hepjepa_weaver.tokens.frozen import load_tokenizer
from hepjepa_weaver.tokens.particle_values import Particles
from hepjepa_weaver.tokens.stepwise_decoder import require_stepwise

Model = NextTokenOfIds | NextTokenOfFeatures


@dataclass(frozen=True)
class GeneratedJets:
    """N generated jets.

    Attributes:
        codes: (N, P), negative behind the particles of each jet.
        particles: the decoded particles.
        has_ended: (N,), False for a jet that reached the largest number of particles without a stop token.
        label: (N,), class of each jet; None if the model knows no classes.
        axis_eta: (N, 1), pseudorapidity of the jet axis.
    """

    codes: Tensor
    particles: Particles
    has_ended: Tensor
    label: Tensor | None
    axis_eta: Tensor


class JetGenerator:
    """A next-token model in eval mode, with its tokenizer.

    Args:
        model: the network.
        config: its options.
        class_names: names of the classes that the start token tells; none without.
    """

    def __init__(self, model: Model, config: OmnijetConfig, class_names: tuple[str, ...]) -> None:
        self.model, self.config, self.class_names = model.eval(), config, class_names

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.model.parameters()).device

    def batches(
        self,
        num_jets: int,
        batch_size: int,
        seed: int,
        sampling: Sampling | None = None,
        label: int | None = None,
        prompt: Tensor | None = None,
        totals: Tensor | None = None,
    ) -> Iterator[GeneratedJets]:
        """Yield `num_jets` jets in batches; the same seed and batch size give the same jets.

        Args:
            num_jets: number of jets.
            batch_size: largest number of jets of a batch.
            seed: seed of the random numbers.
            sampling: how tokens are drawn; None draws as the model says.
            label: class of all jets; None takes all classes in turn, if the model knows any.
            prompt: (M, k), codes of the first particles; jet number i takes row i modulo M.
            totals: (M, 4), totals of the jets that the prompts are of. None draws those of training jets, for a model
                that is told them.
        """
        generator = torch.Generator(self.device).manual_seed(seed)
        for start in range(0, num_jets, batch_size):
            number = torch.arange(start, min(start + batch_size, num_jets), device=self.device)
            rows, told = (None if of is None else of.to(self.device)[number % len(of)] for of in (prompt, totals))
            yield self._batch(
                len(number), self._labels(number, label), sampling or Sampling(), rows, told, generator
            )  # fmt: skip

    def _labels(self, number: Tensor, label: int | None) -> Tensor | None:
        if not self.class_names:
            return None
        return number % len(self.class_names) if label is None else torch.full_like(number, label)

    @torch.inference_mode()
    def _batch(
        self, number: int, label: Tensor | None, sampling: Sampling, prompt: Tensor | None, totals: Tensor | None,
        generator: torch.Generator,
    ) -> GeneratedJets:  # fmt: skip
        if self.model.known_totals is not None and totals is None:
            totals = self.model.known_totals.draw(label, number, generator)
        axis = axis_of_totals(totals, number, self.device)
        length = self.config.next.longest
        steps: Steps
        if isinstance(self.model, NextTokenOfFeatures):
            steps = FeatureSteps(self.model, number, length, label, axis, totals)
        else:
            steps = IdSteps(self.model, number, length, label, totals)
        drawn: DrawnJets = draw_jets(steps, number, length, sampling, generator, prompt)
        particles = self.model.tokenizer.particles(drawn.codes)
        return GeneratedJets(drawn.codes, particles, drawn.has_ended, label, axis.eta)


def load_generator(checkpoint: Path | str, device: str = "cpu") -> JetGenerator:
    """Load the next-token model of a checkpoint.

    Raises:
        UserError: the file is no checkpoint of `network_configs/omnijet_pretrain.py`, or holds no tokenizer. Also if
            the model reads particles and its tokenizer cannot decode them one by one, or not all of their features.
            Also if it was not trained.
    """
    read_weights(checkpoint, "the generator")
    made = read_made_with(checkpoint)
    if made is None or "next_weight" not in made.options:
        raise UserError(f"{checkpoint} holds no next-token model: give a checkpoint of omnijet_pretrain.py")
    config = config_of_saved(OmnijetConfig, made.options)
    if config.next.next_weight == 0:
        raise UserError(f"{checkpoint} was trained with -o next_weight 0, and cannot make jets: train next tokens, too")
    columns = saved_columns([(entry[0], entry[1]) for entry in made.inputs["pf_features"]])
    tokenizer = load_tokenizer(checkpoint, columns, made.inputs, "the generator")
    inputs = NetworkInputs(JetReader(REQUIRED_GROUPS), columns)
    names = tuple(made.labels) if config.next.class_condition else ()
    label = ClassLabel("", len(names)) if names else None
    model: Model
    if config.next.backbone == "ids":
        model = NextTokenOfIds(inputs, config, tokenizer, label)
    else:
        needs_clusters = config.next.needs_clusters
        clusters = load_statistics(checkpoint, columns, made.inputs, "the generator") if needs_clusters else None
        model = NextTokenOfFeatures(inputs, config, tokenizer, label, clusters)
        require_stepwise(tokenizer)
        check_columns(columns, tokenizer.particle_values.extra_names)
    load_part(model, checkpoint, "the generator")
    if model.known_totals is not None and not model.known_totals.number:
        raise UserError(f"{checkpoint} has not seen the totals of any jet, which it is to be given: train it")
    return JetGenerator(model.to(device).requires_grad_(False), config, names)
