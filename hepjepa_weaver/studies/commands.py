"""The commands behind the rules of the workflow; each can be run by hand."""

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hepjepa_weaver.datasets.jet_files import kind_of
from hepjepa_weaver.datasets.pool import read_pool
from hepjepa_weaver.evaluation.predictions import read_label_names
from hepjepa_weaver.studies.layout import Layout, files_of
from hepjepa_weaver.studies.plan import ALL, IN_MEMORY, Cell, GridPlan
from hepjepa_weaver.studies.weaver_runs import ALL_JETS, VALIDATION_BATCH, epochs_and_steps, run_words


def weaver(plan: GridPlan, network: str, data_config: str, *options: str) -> list[str]:
    """A command on the plan's device, with its encoder size where the network has an encoder."""
    size = () if network == "particlenet" else ("-o", "size", plan.size)
    return ["weaver", *run_words(f"network_configs/{network}.py", data_config, plan.gpus, *size, *options)]


def pretrain(plan: GridPlan, name: str) -> str:
    """Pre-train from the start."""
    run = plan.pretrainings[name]
    return shlex.join(
        weaver(
            plan, run.network, run.data_config, "-o", "seed", str(run.seed), *shlex.split(run.weaver),
            "--data-train", run.train, "--data-val", run.val, *shlex.split(run.loader),
            "--batch-size", str(run.batch_size), "--num-epochs", str(run.epochs),
            "--steps-per-epoch", str(run.steps_per_epoch), "--batch-size-val", str(VALIDATION_BATCH),
            "--steps-per-epoch-val", "40", "--model-prefix", str(Layout(plan).pretrained(name).with_name("net")),
        )
    )  # fmt: skip


def train(plan: GridPlan, cell: Cell, rate: str) -> str:
    """Train on the labels of a cell and predict the test jets with the best epoch."""
    layout, task, method, training = Layout(plan), plan.tasks[cell.task], plan.methods[cell.method], plan.training
    folder, num_jets = layout.trained(cell, rate), training_jets(plan, cell)
    per_class = num_jets // num_classes(plan, cell.task)
    batch_size = at_most(training.batch_size, per_class)
    epochs, steps = epochs_and_steps(at_most(training.passes, per_class), num_jets, batch_size, training.epochs)
    loader = IN_MEMORY if num_jets <= training.most_in_memory else training.loader
    pretrained = layout.pretrained(task.pretrainings[method.pretraining]) if method.pretraining else None
    start = ("--load-model-weights", str(pretrained)) if pretrained else ()
    return shlex.join(
        weaver(
            plan, method.network, task.data_config, "-o", "seed", str(cell.seed), *shlex.split(method.weaver), *start,
            *shlex.split(training.weaver), "--start-lr", rate,
            "--data-train", layout.jets_of(cell, "train"), "--data-val", layout.jets_of(cell, "val"),
            "--data-test", layout.jets_of(cell, "test"), *shlex.split(loader), "--no-in-memory-val",
            "--batch-size", str(batch_size), "--num-epochs", str(epochs), "--steps-per-epoch", str(steps),
            "--batch-size-val", str(validation_batch(plan, cell.task)), "--steps-per-epoch-val", ALL_JETS,
            "--model-prefix", str(folder / "net"), "--predict-output", str(folder / "test.parquet"),
        )
    )  # fmt: skip


def subset(plan: GridPlan, task_name: str, labels: str, seed: int) -> str:
    """Draw the jets of a cell, and those held out with them."""
    task = plan.tasks[task_name]
    if task.held_out:
        validation_jets, test_jets = map(str, task.held_out)
        disjoint = ["--validation", validation_jets, "--test", test_jets]
    else:
        disjoint = []  # `check_apart` looks at all jets once, before anything is trained
    return _make_fewshot(
        places(plan, task_name, "train"), str(Layout(plan).subset(task_name, labels, seed)), labels, task.label,
        "--seed", str(seed), *disjoint,
    )  # fmt: skip


def validation(plan: GridPlan, task_name: str) -> str:
    """Draw the validation jets of a data set that has files for them."""
    task, per_class = plan.tasks[task_name], validation_labels(plan, task_name)
    return _make_fewshot(
        places(plan, task_name, "val"), str(Layout(plan).validation(task_name)), str(per_class), task.label
    )


def degrade(plan: GridPlan, task_name: str, draw: str, name: str) -> str:
    """Write degraded test jets; draw: as `Layout.draw` tells."""
    layout, degradation, task = Layout(plan), plan.degradations[name], plan.tasks[task_name]
    held_out = [str(layout.output / "labels" / task_name / draw / "test")]
    jets = held_out if task.held_out else places(plan, task_name, "test")
    words = ["scripts/degrade_jets.py", *jets, "-o", str(layout.degraded(task_name, draw, name))]
    words += ["--zero", *degradation.zero] if degradation.zero else []
    words += ["--drop", f"{degradation.drop:g}"] if degradation.drop else []
    return shlex.join(words)


def predict_degraded(plan: GridPlan, cell: Cell, rate: str, name: str) -> str:
    """Predict degraded test jets with the best epoch of a training."""
    layout, task, method = Layout(plan), plan.tasks[cell.task], plan.methods[cell.method]
    folder = layout.trained(cell, rate)
    return shlex.join(
        weaver(
            plan, method.network, task.data_config, *shlex.split(method.weaver), "--predict",
            "--batch-size", str(VALIDATION_BATCH),
            "--data-test", f"{layout.degraded(cell.task, layout.draw(cell), name)}/*{task.suffix}",
            "--model-prefix", str(folder / "net_best_epoch_state.pt"),
            "--predict-output", str(folder / f"{name}.parquet"),
        )
    )  # fmt: skip


def evaluate(plan: GridPlan, task_name: str, prediction: str, output: str) -> str:
    """Measure a prediction."""
    task = plan.tasks[task_name]
    words = ["scripts/evaluate_predictions.py", prediction, "--data-config", task.data_config]
    return shlex.join([*words, "--background", task.background, "-o", output])


def training_jets(plan: GridPlan, cell: Cell) -> int:
    """Number of jets that a cell is trained with."""
    if cell.labels == ALL:
        return count_jets(tuple(sources(plan, cell.task, "train")))
    return int(cell.labels) * num_classes(plan, cell.task)


def validation_labels(plan: GridPlan, task_name: str) -> int:
    """Number of validation jets of each class."""
    task = plan.tasks[task_name]
    return task.held_out[0] if task.held_out else plan.training.validation_jets // num_classes(plan, task_name)


def validation_batch(plan: GridPlan, task_name: str) -> int:
    """The largest batch, of 250 jets at most, into which validation jets go without rest: weaver drops a rest."""
    jets = validation_labels(plan, task_name) * num_classes(plan, task_name)
    return max(size for size in range(1, VALIDATION_BATCH + 1) if jets % size == 0)


def check_apart(plan: GridPlan, task_name: str) -> str:
    """Look whether the jets of training and pre-training, of validation and of test are apart."""
    train, val, test = (places(plan, task_name, use) for use in ("train", "val", "test"))
    words = ["scripts/check_apart.py", "--train", *train, "--validation", *val, "--test", *test]
    known = sources(plan, task_name, "train")
    pretraining = [path for path in pretraining_sources(plan, task_name) if path not in known]
    words += ["--pretraining", *pretraining] if pretraining else []
    allowed = plan.tasks[task_name].common_jets
    words += ["--allow-common", str(allowed)] if allowed else []
    return shlex.join([*words, "-o", str(Layout(plan).apart(task_name))])


def sources(plan: GridPlan, task_name: str, use: str) -> list[str]:
    """The files that a task names for `train`, `val` or `test`; none where it names none."""
    task = plan.tasks[task_name]
    place: str = getattr(task, use)
    return files_of(place, task.suffix) if place else []


def places(plan: GridPlan, task_name: str, use: str) -> list[str]:
    """What scripts take for `train`, `val` or `test`: a directory as it is, else the files."""
    place: str = getattr(plan.tasks[task_name], use)
    return [place] if Path(place).is_dir() else sources(plan, task_name, use)


def pretraining_sources(plan: GridPlan, task_name: str) -> list[str]:
    """The files that the pre-trainings of a task are trained with."""
    names = plan.tasks[task_name].pretrainings.values()
    return list(dict.fromkeys(path for name in names for path in files_of(plan.pretrainings[name].train, "")))


def labels_of_all(plan: GridPlan, task_name: str) -> int:
    """Jets of each class in all training files; of the smallest class, where they differ."""
    return _smallest_class(tuple(sources(plan, task_name, "train")), plan.tasks[task_name].label or None)


@functools.cache
def count_jets(files: tuple[str, ...]) -> int:
    """Number of jets in files."""
    return sum(kind_of(Path(path)).count_jets(Path(path)) for path in files)


def num_classes(plan: GridPlan, task: str) -> int:
    """Number of classes of a task."""
    return len(read_label_names(Path(plan.tasks[task].data_config)))


def at_most(values: Mapping[int, int], labels: int) -> int:
    """The entry for `labels`, or for the next smaller number there is."""
    return values[max(number for number in values if number <= labels)]


@functools.cache
def _smallest_class(files: tuple[str, ...], label: str | None) -> int:
    return min(jets.total() for jets in read_pool([Path(path) for path in files], label).classes)


def _make_fewshot(files: Sequence[str], output: str, labels: str, label: str, *options: str) -> str:
    column = ("--label", label) if label else ()
    words = ["scripts/make_fewshot.py", *files, "-o", output, "--labels-per-class", labels, *column, *options]
    return shlex.join(words)
