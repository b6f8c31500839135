"""Results of finished runs as small text files, so that a study goes on elsewhere without running them again.

A plan names a folder for them (`kept`). `keep` writes one JSON file for each pre-training, and for each network of a
task. `unpack` puts their contents below the output folder, where `Layout.found` looks.

Each file has a fingerprint of the settings that its results came of, and notes of the options behind them, defaults
included. Results of other settings or options are left out, and told.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.studies.cells import (
    Network,
    PretrainingRun,
    cells,
    degraded_cells,
    network_of,
    networks,
    pretraining_runs,
    probed,
)
from hepjepa_weaver.studies.layout import KEPT, Layout
from hepjepa_weaver.studies.option_origin import NOTE, difference, planned_notes
from hepjepa_weaver.studies.study_plan import StudyPlan
from hepjepa_weaver.studies.wall_times import TIME

DIGITS = 6
"""Significant digits of the numbers that are kept."""
OF_REPORT = {
    "setting": ("title", "seeds", "seed", "growth", "probes"),
    "method": ("title",),
    "task": ("title", "labels", "all_labels", "seeds", "pretrainings", "degradations", "published", "common_jets"),
}
"""Entries of a plan that say what is run or shown, and change no result of a single run."""


def keep(plan: StudyPlan) -> list[Path]:
    """Write the results of all finished runs to the plan's folder, and return the files.

    What was kept before, and has no result here, stays.

    Raises:
        UserError: the plan names no folder, or a file of it is damaged.
    """
    folder, written = folder_of(plan), []
    before, _ = kept_texts(plan)
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts(plan).items():
        found = {str(path.relative_to(plan.output)): _text(path) for path in part.files if path.is_file()}
        if not found:
            continue
        target, texts = folder / f"{name}.json", {**before.get(name, {}), **found}
        lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(text)}" for key, text in sorted(texts.items()))
        with written_whole(target) as temporary:
            temporary.write_text(f'{{"of": "{part.mark}", "files": {{\n{lines}\n}}}}\n')
        written.append(target)
    return written


def unpack(plan: StudyPlan) -> list[str]:
    """Put kept results below the output folder, and return in words what was left out.

    Raises:
        UserError: a file of the folder is damaged.
    """
    place = Path(plan.output) / KEPT
    texts, left_out = kept_texts(plan)
    wanted = {place / name: text for files in texts.values() for name, text in files.items()}
    for path in place.rglob("*") if place.is_dir() else ():
        if path.is_file() and path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return left_out


def kept_texts(plan: StudyPlan) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the texts of each kept part by its name, each by its file, and in words what was left out.

    Raises:
        UserError: a file of the folder is damaged.
    """
    texts: dict[str, dict[str, str]] = {}
    left_out: dict[str, str] = {}
    known, notes = parts(plan), planned_notes(plan)
    for path in sorted(Path(plan.kept).glob("*.json")) if plan.kept else ():
        content, part = _content(path), known.get(path.stem)
        texts[path.stem] = content["files"]
        if part is None:
            left_out[path.stem] = f"{path} is of no run of the plan"
        elif content["of"] != part.mark:
            left_out[path.stem] = f"{path} is of other settings, and is run anew: remove it"
        elif told := _other_options(plan, content["files"], notes):
            left_out[path.stem] = f"{path} {told}, and is run anew: remove it"
    return {name: files for name, files in texts.items() if name not in left_out}, list(left_out.values())


def _other_options(plan: StudyPlan, texts: Mapping[str, str], notes: Mapping[Path, tuple[str, str]]) -> str | None:
    """Return in words how the options of a note among kept texts differ from those of now; None if none does."""
    for name, text in texts.items():
        note = Path(plan.output) / name
        if note in notes:
            told = difference(text.removesuffix("\n"), *notes[note])
            if told:
                return told
    return None


def folder_of(plan: StudyPlan) -> Path:
    """Return the folder of kept results.

    Raises:
        UserError: the plan names none.
    """
    if not plan.kept:
        raise UserError("the plan names no folder for kept results: add an entry such as `kept: docs/runs/study`")
    return Path(plan.kept)


@dataclass(frozen=True)
class Part:
    """Results of a pre-training, or of a network of a task.

    Attributes:
        mark: fingerprint of its settings.
        files: files of its results.
    """

    mark: str
    files: list[Path]


def parts(plan: StudyPlan) -> dict[str, Part]:
    """Return the part of each run or network by its name."""
    found = {
        f"pretrained.{Layout(plan).run_name(run).replace('/', '.')}": Part(
            _mark(plan, of_pretraining(plan, run)), list(_pretraining_files(plan, run))
        )
        for run in pretraining_runs(plan)
    }
    for task in plan.tasks:
        for network in networks(plan, task).values():
            files = list(_network_files(plan, task, network))
            found[f"{task}.{network.name}"] = Part(_mark(plan, of_network(plan, task, network)), files)
    return found


def of_pretraining(plan: StudyPlan, run: PretrainingRun) -> dict[str, Any]:
    """Return the settings that the result of a pre-training depends on."""
    return {"seed": run.seed, **_without(asdict(plan.pretrainings[run.name]), OF_REPORT["setting"])}


def of_network(plan: StudyPlan, task: str, network: Network) -> dict[str, Any]:
    """Return the settings that the results of a network depend on."""
    start = network.start
    return {
        "task": _without(asdict(plan.tasks[task]), OF_REPORT["task"]),
        "method": _without(asdict(plan.methods[network.method]), OF_REPORT["method"]),
        "training": asdict(plan.training),
        "start": {"epochs": start.epochs, **of_pretraining(plan, start.run)} if start else {},
    }


def _mark(plan: StudyPlan, settings: dict[str, Any]) -> str:
    """Return a fingerprint of settings; data configs count by their name, wherever they lie."""
    text = json.dumps({"size": plan.size, **_named(settings)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _named(settings: Any) -> Any:
    if not isinstance(settings, dict):
        return settings
    return {str(key): Path(value).name if key == "data_config" else _named(value) for key, value in settings.items()}


def _without(entries: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if name not in names}


def _pretraining_files(plan: StudyPlan, run: PretrainingRun) -> Iterator[Path]:
    layout = Layout(plan)
    prefix = layout.pretrained(run)
    if not prefix.with_name("done.txt").is_file():
        return
    yield layout.history(run)
    yield from (prefix.with_name(name) for name in (TIME, NOTE))
    yield from (layout.probe(start, view) for start, view in probed(plan) if start.run == run)


def _network_files(plan: StudyPlan, task: str, network: Network) -> Iterator[Path]:
    layout = Layout(plan)
    own = [cell for cell in cells(plan) if cell.task == task and cell.network == network.name]
    for cell in own:
        yield layout.metrics(cell)
        yield layout.choice(cell)
        for recipe in plan.methods[network_of(plan, cell).method].tried:
            yield from (layout.trained(cell, recipe) / name for name in (TIME, NOTE))
    yield from (layout.metrics(cell, name) for cell, name in degraded_cells(plan) if cell in own)
    if network.start and any(layout.metrics(cell).is_file() for cell in own):
        yield layout.pretrained(network.start.run).with_name(NOTE)


def _text(path: Path) -> str:
    text = path.read_text()
    return json.dumps(_rounded(json.loads(text))) + "\n" if path.suffix == ".json" else text


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    return [_rounded(entry) for entry in value] if isinstance(value, list) else value


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
        return {"of": str(content["of"]), "files": {str(name): str(text) for name, text in content["files"].items()}}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} holds no kept results: remove it, or get it again") from error
