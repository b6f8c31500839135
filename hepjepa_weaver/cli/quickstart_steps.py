"""The steps of the quick start: commands that one can type. Those of one stage run side by side."""

from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.cli.step_runner import Stage, Step
from hepjepa_weaver.common.shipped import shipped_path

JETS = {"train": 1200, "val": 200, "test": 300}
"""Numbers of jets of each class."""
LABELS = (50, 200)
STEPS_PER_EPOCH = {50: 25, 200: 40}
TITLES = {"hepjepa": "HEP-JEPA fine-tuned", "part": "ParT from scratch"}
OPTIMISER = ("--optimizer", "AdamW", "-p", "weight_decay", "0.01")


@dataclass(frozen=True)
class Places:
    """Folders that the quick start reads and writes.

    Attributes:
        jets: folder with train*/ val*/ test*/ of JetClass files.
        output: folder for everything else.
        are_made: whether the quick start makes these jets itself.
    """

    jets: Path
    output: Path
    are_made: bool


def stages(places: Places, gpus: str, cores: int) -> list[Stage]:
    """Return all steps of a run.

    Args:
        places: folders to read and write.
        gpus: number of a GPU; empty for a CPU.
        cores: number of worker processes that make jets.
    """
    commands = _Commands(places, gpus)
    making = [(making_jets(places, cores),)] if places.are_made else []
    return [
        *making,
        (commands.labels(), commands.subset("validation", "val"), commands.subset("test", "test")),
        (commands.pretrain(), *(commands.train("part", labels) for labels in reversed(LABELS))),
        tuple(commands.train("hepjepa", labels) for labels in reversed(LABELS)),
        (commands.report(),),
    ]


def making_jets(places: Places, cores: int) -> Step:
    """Return the step that makes the jets; those that are there are not made again."""
    numbers = [word for split, number in JETS.items() for word in (f"--{split}", str(number))]
    words = ("hepjepa", "jets", "MiniJetClass", "-d", str(places.jets), *numbers)
    title = f"make {10 * sum(JETS.values())} jets with Pythia 8"
    return Step("jets", title, (*words, "--jets-per-file", "400", "--jobs", str(cores), "--seed", "1"), 310 / cores)


@dataclass(frozen=True)
class _Commands:
    places: Places
    gpus: str

    def labels(self) -> Step:
        numbers = map(str, LABELS)
        words = ("hepjepa", "subset", *folders(self.places, "train"), "-o", f"{self.places.output}/labels_{{labels}}")
        return Step("labels", "draw the labelled jets", (*words, "--labels-per-class", *numbers, "--seed", "0"), 8)

    def subset(self, name: str, split: str) -> Step:
        words = ("hepjepa", "subset", *folders(self.places, split), "-o", f"{self.places.output}/{name}")
        number = str(JETS[split])
        return Step(name, f"draw the {name} jets", (*words, "--labels-per-class", number, "--seed", "0"), 6)

    def pretrain(self) -> Step:
        loading = ("--in-memory", "--fetch-step", "1") if self.places.are_made else ("--fetch-step", "0.01")
        return Step(
            "pretrain",
            "pre-train HEP-JEPA without labels",
            (
                *self._weaver("hepjepa_pretrain", "pretrain"), *loading, "-o", "dropout", "0", "-o", "log_every", "10",
                "--data-train", f"{self.places.jets}/train*/*.root", "--batch-size", "128",
                "--num-epochs", "2", "--steps-per-epoch", "250", *OPTIMISER, "--start-lr", "3e-3",
                "-p", "clip_grad_norm", "1", "--lr-scheduler", "warmup+cos", "--warmup-steps", "50",
            ),
            155,
        )  # fmt: skip

    def train(self, network: str, labels: int) -> Step:
        """Return the training of a network; labels, steps and optimiser are the same for both networks."""
        name = f"{network}_{labels}"
        config, start = "part", []
        if network == "hepjepa":
            checkpoint = self.places.output / "pretrain/net_best_epoch_state.pt"
            config, start = "hepjepa_finetune", ["-o", "pooling", "mean", "--load-model-weights", str(checkpoint)]
        return Step(
            name,
            f"train {TITLES[network]}, {labels} labels a class",
            (
                *self._weaver(config, name), *start, "-o", "rotate", "True", "-o", "reflect", "True",
                "--in-memory", "--fetch-step", "1", "--data-train", f"{self.places.output}/labels_{labels}/*.root",
                "--batch-size", "100", "--num-epochs", "4", "--steps-per-epoch", str(STEPS_PER_EPOCH[labels]),
                *OPTIMISER, "--start-lr", "1e-3", "--data-test", f"{self.places.output}/test/*.root",
                "--predict-output", f"{self.places.output}/{name}/test.parquet",
            ),
            60 if labels == 50 else 84,
        )  # fmt: skip

    def report(self) -> Step:
        out = self.places.output
        words = ["hepjepa", "report", "--data-config", shown(shipped_path("data_configs/JetClass/JetClass_full.yaml"))]
        for labels in LABELS:
            for network, title in TITLES.items():
                prediction = f"{out}/{network}_{labels}/test.parquet"
                words += ["--prediction", f"{title}, {labels} labels/class", prediction]
        words += ["--pretraining-curves", "HEP-JEPA", "runs/*_quickstart_pretrain"]
        for labels in LABELS:
            for network, title in (("hepjepa", "HEP-JEPA"), ("part", "ParT")):
                words += ["--curves", f"{title}, {labels}", f"runs/*_quickstart_{network}_{labels}"]
        words += ["--commands", f"{out}/commands.log", "--out", f"{out}/report.md"]
        return Step("report", "write the report", tuple(words), 12)

    def _weaver(self, network: str, name: str) -> tuple[str, ...]:
        """Return what all weaver commands share.

        Every epoch has all validation jets, once each: that takes -1 steps.
        """
        return (
            "weaver", "--network-config", shown(shipped_path(f"network_configs/{network}.py")),
            "--data-config", shown(shipped_path("data_configs/JetClass/JetClass_full.yaml")),
            "--num-workers", "1", "--gpus", self.gpus, "-o", "size", "quick", "-o", "seed", "1",
            "--data-val", f"{self.places.output}/validation/*.root", "--no-in-memory-val", "--fetch-step-val", "1",
            "--batch-size-val", "200", "--steps-per-epoch-val", "-1",
            "--model-prefix", f"{self.places.output}/{name}/net", "--tensorboard", f"_quickstart_{name}",
        )  # fmt: skip


def folders(places: Places, split: str) -> list[str]:
    """Return the folders of a split as typed; those that are yet to be made have one name."""
    return sorted(map(str, places.jets.glob(f"{split}*"))) or [str(places.jets / split)]


def shown(path: Path) -> str:
    """Return the path as one would type it: relative to the current folder, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
