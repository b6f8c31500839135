"""Runs a search: every step once, as a `weaver` command with a log of its own; started again, it goes on."""

import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import numpy as np

from hepjepa_weaver.datasets.fewshot import make_fewshot
from hepjepa_weaver.errors import UserError
from hepjepa_weaver.evaluation.predictions import read_label_names, read_predictions
from hepjepa_weaver.search import commands
from hepjepa_weaver.search.commands import Places
from hepjepa_weaver.search.plan import SCRATCH, Plan, Setting
from hepjepa_weaver.search.probes import probe
from hepjepa_weaver.search.results import Results, Row

EPOCH = re.compile(r"Processed \d+ jets in ([\d.]+) s ")
BEST = re.compile(r"Current validation metric: [\d.]+ \(best: ([\d.]+)\)")


class Search:
    """A plan on some jets, with its results so far."""

    def __init__(self, plan: Plan, places: Places) -> None:
        self.plan, self.places = plan, places
        places.output.mkdir(parents=True, exist_ok=True)
        self.results = Results(places.output / "results.csv")
        self.label_names = read_label_names(places.repository / plan.data_config)

    def run(self, jobs: int, names: Sequence[str]) -> None:
        """The settings of these names with all their seeds, `jobs` at a time with a thread each.

        Raises:
            UserError: a command failed; the others that run are finished first.
        """
        for labels in self.plan.finetuning.labels:
            for seed in self.plan.finetuning.seeds:
                make_fewshot(self.places.jets / "train", self.places.labels(labels, seed), labels, seed)
        with ThreadPoolExecutor(jobs) as pool:
            chains = [
                pool.submit(self.run_setting, name, self.plan.settings[name], seed)
                for name in names
                for seed in self.plan.settings[name].seeds
            ]
            for chain in chains:
                chain.result()

    def run_setting(self, name: str, setting: Setting, seed: int) -> None:
        """Pre-train, probe and fine-tune one setting."""
        seconds = [0.0]
        if setting.network != SCRATCH:
            self._pretrain(name, setting, seed)
            seconds = training_seconds(self.places.pretrained(name, seed).parent)
            self._probe(name, setting, seed, seconds)
        for labels in self.plan.finetuning.labels:
            for label_seed in self.plan.finetuning.seeds:
                self._finetune(name, setting, seed, labels, label_seed, seconds[-1])

    def _pretrain(self, name: str, setting: Setting, seed: int) -> None:
        """Pre-train, from the last checkpoint where there is one."""
        prefix = self.places.pretrained(name, seed)
        prefix.parent.mkdir(parents=True, exist_ok=True)
        done = epochs_done(prefix)
        if done == self.plan.pretraining.epochs:
            return
        command = commands.pretrain(self.plan, self.places, name, setting, seed, done)
        run_command(command, prefix.with_name(f"pretrain_from-{done:04d}.log"))

    def _probe(self, name: str, setting: Setting, seed: int, seconds: Sequence[float]) -> None:
        """Probe every view of every checkpoint that there is."""
        labels, budget = self.plan.probe_labels, self.plan.pretraining
        for epoch in range(budget.epochs):
            for view in setting.views:
                jets_seen = (epoch + 1) * budget.steps_per_epoch * budget.batch_size
                if (name, seed, jets_seen, "probe", view, labels, 0) in self.results:
                    continue
                path = commands.embeddings(self.places, name, seed, epoch, view)
                command = commands.embed(self.plan, self.places, name, setting, seed, epoch, view)
                run_command(command, path.with_suffix(".log"))
                self._add(name, setting, seed, jets_seen, seconds[epoch], "probe", view, labels, 0,
                          probe(path, labels), None, command)  # fmt: skip
                path.unlink()

    def _finetune(self, name: str, setting: Setting, seed: int, labels: int, label_seed: int, seconds: float) -> None:
        """Fine-tune with every recipe."""
        tuning, budget = self.plan.finetuning, self.plan.pretraining
        is_scratch = setting.network == SCRATCH
        jets_seen = 0 if is_scratch else budget.epochs * budget.steps_per_epoch * budget.batch_size
        for recipe in tuning.scratch_recipes if is_scratch else tuning.recipes:
            if (name, seed, jets_seen, "accuracy", recipe, labels, label_seed) in self.results:
                continue
            command = commands.finetune(self.plan, self.places, name, setting, seed, recipe, labels, label_seed)
            prefix = self.places.finetuned(name, seed, recipe, labels, label_seed)
            prefix.parent.mkdir(parents=True, exist_ok=True)
            log = prefix.with_name("finetune.log")
            run_command(command, log)
            predictions = read_predictions(prefix.with_name("test.parquet"), self.label_names)
            accuracy = float(np.mean(predictions.scores.argmax(axis=1) == predictions.labels))
            validation = float(BEST.findall(log.read_text())[-1])
            self._add(name, setting, seed, jets_seen, seconds, "accuracy", recipe, labels, label_seed,
                      accuracy, validation, command)  # fmt: skip
            for checkpoint in prefix.parent.glob("net_*.pt"):
                checkpoint.unlink()

    def _add(
        self,
        name: str,
        setting: Setting,
        seed: int,
        jets_seen: int,
        seconds: float,
        measure: str,
        view: str,
        labels: int,
        label_seed: int,
        value: float,
        validation: float | None,
        command: Sequence[str],
    ) -> None:
        options = f"{setting.shared} {setting.options}".strip()
        row = Row(
            name, options, seed, jets_seen, round(seconds, 1), measure, view, labels, label_seed, value, validation,
            subprocess.list2cmdline(command),
        )  # fmt: skip
        self.results.add(row)
        print(f"{name} seed {seed}, {jets_seen} jets: {measure} {view} {labels} labels: {value:.4f}", flush=True)


def epochs_done(prefix: Path) -> int:
    """Number of epochs after which there are both checkpoints, without a gap."""
    epoch = 0
    while all(Path(f"{prefix}_epoch-{epoch}_{kind}.pt").exists() for kind in ("state", "optimizer")):
        epoch += 1
    return epoch


def training_seconds(folder: Path) -> list[float]:
    """Wall time of training up to the end of each epoch, from the logs of a run and of its continuations."""
    logs = "".join(path.read_text() for path in sorted(folder.glob("pretrain_from-*.log")))
    return list(accumulate(float(seconds) for seconds in EPOCH.findall(logs)))


def run_command(command: Sequence[str], log: Path) -> None:
    """Run a command with one thread and its output in `log`.

    Raises:
        UserError: it failed; with the last line of its output.
    """
    with log.open("w") as file:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode:
        lines = log.read_text().strip().splitlines()
        raise UserError(f"{subprocess.list2cmdline(command)} failed, see {log}: {lines[-1] if lines else 'no output'}")
