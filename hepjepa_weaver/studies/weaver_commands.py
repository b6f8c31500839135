"""The `weaver` commands of a study; each can be run by hand."""

import shlex
from collections.abc import Mapping

from hepjepa_weaver.studies.cells import Cell, PretrainingRun, Start, network_of
from hepjepa_weaver.studies.jet_commands import num_classes, training_jets, validation_labels
from hepjepa_weaver.studies.layout import Layout
from hepjepa_weaver.studies.planned_options import config_path, pretraining_words, pretrains, size_words, view_options
from hepjepa_weaver.studies.planned_training import IN_MEMORY
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.tagging_method import Recipe

VALIDATION_BATCH = 250
HEAD = "fc.*"
"""Weights of a head, which starts anew."""
ALL_JETS = "-1"
"""Steps of a validation that takes every jet once; any other number continues where the epoch before stopped."""


def weaver(plan: StudyPlan, network: str, data_config: str, *options: str) -> str:
    """Return a command for the plan's device, with its encoder size if the network has an encoder."""
    config = ("--network-config", config_path(network), "--data-config", data_config)
    device = ("--gpus", plan.gpus, "--num-workers", "1")
    return shlex.join(["weaver", *config, *device, *size_words(plan, network), *options])


def pretrain(plan: StudyPlan, run: PretrainingRun) -> str:
    """Return the command that pre-trains from the start."""
    setting = plan.pretrainings[run.name]
    return weaver(
        plan, setting.network, setting.data_config, "-o", "seed", str(run.seed), *_split(*pretraining_words(setting)),
        "--data-train", setting.train, "--data-val", setting.val, *_split(setting.loader),
        "--batch-size", str(setting.batch_size), "--num-epochs", str(setting.epochs),
        "--steps-per-epoch", str(setting.steps_per_epoch), "--batch-size-val", str(VALIDATION_BATCH),
        "--steps-per-epoch-val", "40", "--model-prefix", str(Layout(plan).pretrained(run)),
    )  # fmt: skip


def embed(plan: StudyPlan, start: Start, view: str) -> str:
    """Return the command that writes embeddings of the validation jets of a pre-training.

    Args:
        plan: the study.
        start: checkpoint of the pre-training.
        view: view to embed with (encoder_pooling, such as target_mean).
    """
    setting, layout = plan.pretrainings[start.run.name], Layout(plan)
    own = [word for option in view_options(setting, view).items() for word in ("-o", *option)]
    return weaver(
        plan, setting.network, setting.data_config, *_split(*pretraining_words(setting)),
        *own, "--predict", "--batch-size", str(VALIDATION_BATCH),
        "--data-test", setting.val, "--model-prefix", str(layout.checkpoint(start)),
        "--predict-output", str(layout.embeddings(start, view)),
    )  # fmt: skip


def train(plan: StudyPlan, cell: Cell, recipe: Recipe) -> str:
    """Return the command that trains on the labels of a cell, and predicts the test jets with the best epoch."""
    layout, training = Layout(plan), plan.training
    task, start = plan.tasks[cell.task], network_of(plan, cell).start
    folder, num_jets = layout.trained(cell, recipe), training_jets(plan, cell)
    per_class = num_jets // num_classes(plan, cell.task)
    batch_size = at_most(training.batch_size, per_class)
    epochs, steps = epochs_and_steps(at_most(training.passes, per_class), num_jets, batch_size, training.epochs)
    loader = IN_MEMORY if num_jets <= training.most_in_memory else training.loader
    weights = ("--load-model-weights", str(layout.checkpoint(start))) if start else ()
    if start and not pretrains(plan.pretrainings[start.run.name].network):  # a supervised start
        weights = (*weights, "--exclude-model-weights", HEAD)
    return weaver(
        plan, plan.methods[network_of(plan, cell).method].network, task.data_config, "-o", "seed", str(cell.seed),
        *_method_words(plan, cell), *weights, *_split(training.weaver, recipe.words),
        "--data-train", layout.jets_of(cell, "train"), "--data-val", layout.jets_of(cell, "val"),
        "--data-test", layout.jets_of(cell, "test"), *_split(loader), "--no-in-memory-val",
        "--batch-size", str(batch_size), "--num-epochs", str(epochs), "--steps-per-epoch", str(steps),
        "--batch-size-val", str(validation_batch(plan, cell.task)), "--steps-per-epoch-val", ALL_JETS,
        "--model-prefix", str(folder / "net"), "--predict-output", str(folder / "test.parquet"),
    )  # fmt: skip


def predict_degraded(plan: StudyPlan, cell: Cell, recipe: Recipe, name: str) -> str:
    """Return the command that predicts degraded test jets with the best epoch of a training."""
    layout, task, method = Layout(plan), plan.tasks[cell.task], plan.methods[network_of(plan, cell).method]
    folder = layout.trained(cell, recipe)
    own = options_alone(recipe.words)  # what shapes the network, such as its pooling
    return weaver(
        plan, method.network, task.data_config, *_method_words(plan, cell), *own, "--predict",
        "--batch-size", str(VALIDATION_BATCH),
        "--data-test", f"{layout.degraded(cell.task, layout.draw(cell), name)}/*{task.suffix}",
        "--model-prefix", str(folder / "net_best_epoch_state.pt"),
        "--predict-output", str(folder / f"{name}.parquet"),
    )  # fmt: skip


def options_alone(words: str) -> list[str]:
    """Return the `-o` options in words of a command line, as words."""
    parts = shlex.split(words)
    places = [place for place, word in enumerate(parts[:-2]) if word == "-o"]
    return [word for place in places for word in parts[place : place + 3]]


def validation_batch(plan: StudyPlan, task_name: str) -> int:
    """Return the largest batch size, at most 250, that divides the number of validation jets.

    Weaver drops an incomplete last batch.
    """
    jets = validation_labels(plan, task_name) * num_classes(plan, task_name)
    return max(size for size in range(1, VALIDATION_BATCH + 1) if jets % size == 0)


def at_most(values: Mapping[int, int], labels: int) -> int:
    """Return the entry for `labels`, or for the next smaller number."""
    return values[max(number for number in values if number <= labels)]


def epochs_and_steps(passes: int, num_jets: int, batch_size: int, most_epochs: int) -> tuple[int, int]:
    """Return the number of weaver's epochs, at most `most_epochs`, and of their steps.

    Together they make `passes` over `num_jets` jets. An epoch ends with validation, which costs as much as many small
    epochs.
    """
    epochs = min(passes, most_epochs)
    return epochs, max(passes * num_jets // (batch_size * epochs), 1)


def _method_words(plan: StudyPlan, cell: Cell) -> list[str]:
    """Return the words that shape the network of a cell.

    First come the words of its pre-training for all that starts from it, then those of its method.
    """
    network = network_of(plan, cell)
    shared = plan.pretrainings[network.start.run.name].shared if network.start else ""
    return _split(shared, plan.methods[network.method].weaver)


def _split(*texts: str) -> list[str]:
    return [word for text in texts for word in shlex.split(text)]
