"""Runs a search: every step once, as a `weaver` command with a log of its own; started again, it goes on."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.fewshot import make_fewshot
from hepjepa_weaver.datasets.pool import read_pool
from hepjepa_weaver.evaluation.predictions import read_label_names, read_predictions
from hepjepa_weaver.search import commands
from hepjepa_weaver.search.commands import NUM_CLASSES, Places
from hepjepa_weaver.search.history import training_seconds
from hepjepa_weaver.search.origin import all_options, check_same_command, check_same_options, commit_of
from hepjepa_weaver.search.plan import SCRATCH, Plan, Run
from hepjepa_weaver.search.probes import probe
from hepjepa_weaver.search.results import ACCURACY, PROBE, Results, Row
from hepjepa_weaver.studies.weaver_runs import best_validation
from hepjepa_weaver.training.checkpoints import epochs_done


class Search:
    """A plan on some jets, with its results so far."""

    def __init__(self, plan: Plan, places: Places) -> None:
        self.plan, self.places = plan, places
        places.output.mkdir(parents=True, exist_ok=True)
        self.results = Results(places.results)
        self.label_names = read_label_names(places.repository / plan.data_config)
        self.commit = commit_of(places.repository)

    def run(self, runs: Sequence[Run], jobs: int) -> None:
        """Measure all of these, `jobs` at a time with a thread each.

        Raises:
            UserError: a command failed; those that run at that time are finished first, no other is started.
        """
        train, val = (read_pool([self.places.jets / split]) for split in ("train", "val"))
        for labels in self.plan.finetuning.labels:
            for seed in self.plan.finetuning.seeds:
                make_fewshot(train, self.places.labels(labels, seed), labels, seed)
        validation = self.plan.finetuning.validation_jets
        make_fewshot(val, self.places.validation(validation), validation // NUM_CLASSES, seed=0)
        pool = ThreadPoolExecutor(jobs)
        try:
            for done in as_completed([pool.submit(self.measure, run) for run in runs]):
                done.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def measure(self, run: Run) -> None:
        """Pre-train, and probe and fine-tune after the epochs that the plan wants measured."""
        budget, labels = self.plan.pretraining, self.plan.finetuning.labels
        if run.setting.network == SCRATCH:
            self._finetune(run, 0, self._cells(run, 0), labels)
            return
        self._pretrain(run)
        growth = budget.growth if run.setting.grows else ()
        for epochs in (*growth, budget.epochs):
            cells = self._cells(run, epochs)
            self._probe(run, epochs, cells)
            self._finetune(run, epochs, cells, labels if epochs == budget.epochs else [min(labels)])

    def _pretrain(self, run: Run) -> None:
        """Pre-train, from the last checkpoint where there is one."""
        prefix = self.places.pretrained(run)
        prefix.parent.mkdir(parents=True, exist_ok=True)
        note, command, options = prefix.with_name("command.txt"), self._first_command(run), all_options(self.plan, run)
        if note.exists():
            known, _, known_options = note.read_text().partition("\n")
            check_same_command(known, command, str(prefix.parent))
            check_same_options(known_options, options, str(prefix.parent))
        else:
            note.write_text(f"{command}\n{options}")
        done = epochs_done(prefix)
        if done < self.plan.pretraining.epochs:
            log = prefix.with_name(f"pretrain_from-{done:04d}.log")
            run_command(commands.pretrain(self.plan, self.places, run, done), log)

    def _first_command(self, run: Run) -> str:
        """What starts the pre-training, or nothing if there is none."""
        if run.setting.network == SCRATCH:
            return ""
        return shlex.join(commands.pretrain(self.plan, self.places, run, 0))

    def _probe(self, run: Run, epochs: int, cells: dict[str, Any]) -> None:
        """Probe every view of the network after `epochs`."""
        for view in run.setting.views:
            command = commands.embed(self.plan, self.places, run, epochs, view)
            row = Row(
                **cells,
                measure=PROBE,
                view=view,
                labels=self.plan.probe_labels,
                config=all_options(self.plan, run),
                command=shlex.join(command),
            )
            if self.results.has(row):
                continue
            path = self.places.embeddings(run, epochs, view)
            run_command(command, path.with_suffix(".log"))
            self._add(replace(row, value=probe(path, row.labels)))
            path.unlink()

    def _finetune(self, run: Run, epochs: int, cells: dict[str, Any], labels: Sequence[int]) -> None:
        """Fine-tune the network after `epochs` with every recipe, number of labels and subset."""
        tuning = self.plan.finetuning
        recipes = tuning.scratch_recipes if run.setting.network == SCRATCH else tuning.recipes
        for count, label_seed, recipe in product(labels, tuning.seeds, recipes):
            command = commands.finetune(self.plan, self.places, run, epochs, recipe, count, label_seed)
            row = Row(
                **cells,
                measure=ACCURACY,
                view=recipe,
                labels=count,
                label_seed=label_seed,
                config=all_options(self.plan, run, recipes[recipe]),
                command=shlex.join(command),
            )
            if self.results.has(row):
                continue
            prefix = self.places.finetuned(run, epochs, recipe, count, label_seed)
            prefix.parent.mkdir(parents=True, exist_ok=True)
            log = prefix.with_name("finetune.log")
            run_command(command, log)
            predictions = read_predictions(prefix.with_name("test.parquet"), self.label_names)
            accuracy = float(np.mean(predictions.scores.argmax(axis=1) == predictions.labels))
            self._add(replace(row, value=accuracy, validation=best_validation(log)))
            for checkpoint in prefix.parent.glob("net_*.pt"):
                checkpoint.unlink()

    def _cells(self, run: Run, epochs: int) -> dict[str, Any]:
        """What was pre-trained, and for how long: the first cells of its rows."""
        log = self.places.pretrained(run).parent
        return {
            "setting": run.name,
            "options": f"{run.setting.shared} {run.setting.options}".strip(),
            "seed": run.seed,
            "jets_seen": self.plan.pretraining.jets_after(epochs),
            "seconds": round(training_seconds(log, epochs), 1),
            "commit": self.commit,
            "pretraining": self._first_command(run),
        }

    def _add(self, row: Row) -> None:
        """Keep and show what was measured."""
        self.results.add(row)
        what = f"{row.measure} {row.view} {row.labels} labels: {row.value:.4f}"
        print(f"{row.setting} seed {row.seed}, {row.jets_seen} jets: {what}", flush=True)


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
        raise UserError(f"{shlex.join(command)} failed, see {log}: {lines[-1] if lines else 'no output'}")
