"""The `weaver` commands of a search; each can be run by hand."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.host.resume import resumed_seed
from hepjepa_weaver.search.plan import SCRATCH, Plan, Run
from hepjepa_weaver.studies.weaver_runs import ALL_JETS, VALIDATION_BATCH, epochs_and_steps, run_words

FINETUNE = "hepjepa_finetune"
NUM_CLASSES = 10


@dataclass(frozen=True)
class Places:
    """Where things are: the repository, the jets (with train/, val/ and test/) and the output of the search."""

    repository: Path
    jets: Path
    output: Path

    @property
    def results(self) -> Path:
        """The file of all measurements."""
        return self.output / "results.csv"

    def pretrained(self, run: Run) -> Path:
        """Prefix of the checkpoints of a pre-training."""
        return self.output / run.name / f"seed{run.seed}" / "net"

    def checkpoint(self, run: Run, epochs: int) -> Path:
        """The pre-trained network after `epochs`."""
        return Path(f"{self.pretrained(run)}_epoch-{epochs - 1}_state.pt")

    def embeddings(self, run: Run, epochs: int, view: str) -> Path:
        """Embeddings of the validation jets by the network after `epochs`."""
        return self.pretrained(run).with_name(f"{view}_after-{epochs}.parquet")

    def labels(self, labels: int, seed: int) -> Path:
        """Folder of a subset with `labels` jets a class."""
        return self.output / "labels" / f"{labels}_seed{seed}"

    def validation(self, jets: int) -> Path:
        """Folder of the validation jets of fine-tuning, as many of each class."""
        return self.output / "labels" / f"validation_{jets}"

    def finetuned(self, run: Run, epochs: int, recipe: str, labels: int, label_seed: int) -> Path:
        """Prefix of the checkpoints of a fine-tuning of the network after `epochs`."""
        return self.pretrained(run).parent / f"after-{epochs}_{recipe}_{labels}_seed{label_seed}" / "net"


def weaver(network: str, plan: Plan, places: Places, *options: str) -> list[str]:
    """A command on one CPU process with the plan's data config and encoder size."""
    return [
        str(Path(sys.executable).with_name("weaver")),
        *run_words(
            str(places.repository / f"network_configs/{network}.py"), str(places.repository / plan.data_config), "",
            "-o", "size", plan.size, *options,
        ),
    ]  # fmt: skip


def pretrain(plan: Plan, places: Places, run: Run, done_epochs: int) -> list[str]:
    """Pre-train, after `done_epochs` of an interrupted run."""
    budget = plan.pretraining
    resume = ["--load-epoch", str(done_epochs - 1)] if done_epochs else []
    return weaver(
        run.setting.network, plan, places, "-o", "seed", str(resumed_seed(run.seed, done_epochs)),
        *pretraining_words(plan, run),
        "--data-train", f"{places.jets}/train/*.root", "--data-val", f"{places.jets}/val/*.root",
        "--in-memory", "--fetch-step", "1", "--batch-size", str(budget.batch_size),
        "--num-epochs", str(budget.epochs), "--steps-per-epoch", str(budget.steps_per_epoch),
        "--batch-size-val", str(VALIDATION_BATCH), "--steps-per-epoch-val", "40",
        "--model-prefix", str(places.pretrained(run)), *resume,
    )  # fmt: skip


def pretraining_words(plan: Plan, run: Run) -> list[str]:
    """What plan and setting say about the pre-trained network and its training; the setting overrules."""
    return [
        word
        for text in (plan.pretraining.weaver, run.setting.shared, run.setting.options)
        for word in shlex.split(text)
    ]


def embed(plan: Plan, places: Places, run: Run, epochs: int, view: str) -> list[str]:
    """Write embeddings of the validation jets; `view` is encoder_pooling, as in target_mean."""
    encoder, pooling = view.split("_")
    return weaver(
        run.setting.network, plan, places, *pretraining_words(plan, run),
        "-o", "embed_with", encoder, "-o", "embedding", pooling, "--predict", "--batch-size", "250",
        "--data-test", f"{places.jets}/val/*.root", "--model-prefix", str(places.checkpoint(run, epochs)),
        "--predict-output", str(places.embeddings(run, epochs, view)),
    )  # fmt: skip


def finetune(plan: Plan, places: Places, run: Run, epochs: int, recipe: str, labels: int, label_seed: int) -> list[str]:
    """Train on a fixed subset of labels and predict the test jets with the best epoch."""
    tuning = plan.finetuning
    prefix = places.finetuned(run, epochs, recipe, labels, label_seed)
    if run.setting.network == SCRATCH:
        start, words = ["-o", "from_scratch", "True"], tuning.scratch_recipes[recipe]
    else:
        start, words = ["--load-model-weights", str(places.checkpoint(run, epochs))], tuning.recipes[recipe]
    parts, steps = epochs_and_steps(tuning.passes[labels], labels * NUM_CLASSES, tuning.batch_size)
    return weaver(
        FINETUNE, plan, places, "-o", "seed", str(label_seed), *shlex.split(run.setting.shared), *start,
        *shlex.split(tuning.weaver), *shlex.split(words),
        "--data-train", f"{places.labels(labels, label_seed)}/*.root",
        "--data-val", f"{places.validation(tuning.validation_jets)}/*.root", "--no-in-memory-val",
        "--data-test", f"{places.jets}/test/*.root", "--in-memory", "--fetch-step", "1",
        "--batch-size", str(tuning.batch_size), "--num-epochs", str(parts), "--steps-per-epoch", str(steps),
        "--batch-size-val", str(VALIDATION_BATCH), "--steps-per-epoch-val", ALL_JETS,
        "--model-prefix", str(prefix), "--predict-output", str(prefix.with_name("test.parquet")),
    )  # fmt: skip
