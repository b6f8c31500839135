"""How well a classifier tells two samples of jets apart, and how well a tagger tells classes of jets.

OmniJet-α (arXiv:2403.05618) measures generated jets by the first, and what a tokenizer loses by the second. The tagger
is trained on original jets, on reconstructed ones, or on token ids alone. Then the accuracies are compared.

Shapes: N jets, S particles of all jets, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.measurement import Measurement
from hepjepa_weaver.evaluation.bootstrap import Interval, bootstrap_metrics
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.fidelity.classifier_inputs import ParticleInputs, id_inputs, joined_inputs, kinematic_inputs
from hepjepa_weaver.fidelity.particles import Floats, Ints, JetParticles
from hepjepa_weaver.fidelity.training import TrainingPlan, train_and_score

SAMPLES = ("reference", "sample")
HELD_OUT = 0.1
"""Fraction of the training jets that chooses the learning rate of a tagger."""


@dataclass(frozen=True)
class Tagging:
    """A tagger's result on test jets.

    Attributes:
        accuracy: fraction of test jets whose class has the highest score.
        metrics: accuracy, AUC, calibration error and background rejections, as `evaluation.bootstrap` defines them.
        rate: learning rate that was chosen.
        held_out: accuracy on the held-out training jets by learning rate.
        predictions: probabilities of the test jets.
    """

    accuracy: Measurement
    metrics: dict[str, Interval]
    rate: float
    held_out: dict[float, float]
    predictions: Predictions


def separation_auc(sample: JetParticles, reference: JetParticles, plan: TrainingPlan | None = None) -> Measurement:
    """Return the area under the ROC curve of a classifier that tells a sample from a reference.

    It is 0.5 if the classifier finds no difference. Half of each sample trains, the other half is the test. The error
    is that of the test jets, by bootstrap.

    Raises:
        UserError: a sample has fewer than two jets, or the plan has an unknown network or device.
    """
    plan = plan or TrainingPlan()
    rng = np.random.default_rng(plan.seed)
    halves = [[kinematic_inputs(jets[half]) for half in halves_of(len(jets), rng)] for jets in (reference, sample)]
    train, test = (joined_inputs(halves[0][half], halves[1][half]) for half in (0, 1))
    is_sample, truth = (np.repeat([0, 1], [len(of[half]) for of in halves]) for half in (0, 1))
    (scores,) = train_and_score(train, is_sample, [test], len(SAMPLES), plan)
    return auc_of(scores, truth, plan.seed)


def tagging_accuracy(
    train: JetParticles,
    test: JetParticles,
    plan: TrainingPlan | None = None,
    rates: Sequence[float] = (1e-3,),
    ids: tuple[Ints, Ints, int] | None = None,
) -> Tagging:
    """Train a tagger of all classes and test it.

    Args:
        train: jets to train on, with labels.
        test: jets to test on, with the same classes.
        plan: network, steps, seed and device; its learning rate is replaced.
        rates: learning rates to try. The best one on a tenth of the training jets is used, if there are several.
        ids: token ids (S,) of training and test particles and the number of codes, in place of all features.

    Raises:
        UserError: jets lack labels, the classes differ, or the ids do not fit.
    """
    plan = plan or TrainingPlan()
    _check_classes(train, test)
    inputs = [kinematic_inputs(train), kinematic_inputs(test)]
    if ids is not None:
        inputs = [id_inputs(jets, of, ids[2]) for jets, of in zip((train, test), ids[:2], strict=True)]
    rng = np.random.default_rng(plan.seed)
    order = rng.permutation(len(train))
    first = int(HELD_OUT * len(train)) if len(rates) > 1 else 0
    held_out, kept = np.sort(order[:first]), np.sort(order[first:])
    tests = [_chosen(inputs[0], held_out), inputs[1]]
    accuracies, scores = {}, {}
    for rate in rates:
        fitted = _chosen(inputs[0], kept)
        scored = train_and_score(fitted, train.label[kept], tests, len(train.label_names), replace(plan, rate=rate))
        accuracies[rate], scores[rate] = _accuracy(scored[0], train.label[held_out]), scored[1]
    best = max(rates, key=lambda rate: accuracies[rate])
    predictions = Predictions(scores[best], test.label, test.label_names)
    background = "QCD" if "QCD" in test.label_names else test.label_names[0]
    metrics = bootstrap_metrics(predictions, background, seed=plan.seed)
    return Tagging(metrics["accuracy"].measurement, metrics, best, accuracies, predictions)


def halves_of(number: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return the ascending indices of a random half of N jets, and those of the other half.

    Raises:
        UserError: there are fewer than two jets.
    """
    if number < 2:
        raise UserError("a sample has fewer than two jets: give more to train a classifier and to test it")
    order = rng.permutation(number)
    return np.sort(order[: number // 2]), np.sort(order[number // 2 :])


def auc_of(scores: Floats, truth: Ints, seed: int) -> Measurement:
    """Return the AUC of probabilities (N, 2) of reference and sample, given which each jet is (N,)."""
    metrics = bootstrap_metrics(Predictions(scores, truth, SAMPLES), background="reference", seed=seed)
    return metrics["AUC"].measurement


def _check_classes(train: JetParticles, test: JetParticles) -> None:
    for name, jets in (("training", train), ("test", test)):
        if not jets.is_labelled:
            raise UserError(f"{name} jets lack labels: a tagger needs files with label_… branches")
    if train.label_names != test.label_names:
        ours, theirs = (", ".join(jets.label_names) for jets in (train, test))
        raise UserError(f"training jets have the classes {ours}, test jets {theirs}: give files of the same classes")
    missing = [name for index, name in enumerate(test.label_names) if index not in test.label]
    if missing:
        raise UserError(f"no test jets of {', '.join(missing)}: give jets of all classes")


def _chosen(inputs: ParticleInputs, jets: Ints) -> ParticleInputs:
    """Return the inputs of some jets (M,), in ascending order."""
    is_chosen = np.zeros(len(inputs), bool)
    is_chosen[jets] = True
    return ParticleInputs(inputs.counts[jets], inputs.values[np.repeat(is_chosen, inputs.counts)], inputs.codes)


def _accuracy(scores: Floats, labels: Ints) -> float:
    return float(np.mean(scores.argmax(axis=1) == labels)) if len(labels) else float("nan")
