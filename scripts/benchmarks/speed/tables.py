"""The measurements as Markdown."""

from collections.abc import Sequence
from statistics import median

import torch

from hepjepa_weaver.common.environment import hardware, versions
from hepjepa_weaver.common.markdown import markdown_table
from speed.comparison import MEMORY_ROUNDS, Measured, memory_ratio, references, speed_ratio
from speed.contenders import NAMES, REFERENCE
from speed.growth import Growth
from speed.io_test import LoaderSpeed
from speed.setup import Setup
from speed.split import StepSplit

NOT_MEASURED = "not measured"


def heading(setup: Setup, batch_size: int) -> str:
    """Return hardware, versions and settings, in one line."""
    machine = hardware()
    if setup.device.type == "cuda":
        machine = f"{torch.cuda.get_device_name(setup.device)}; host {machine}"
    found = versions()
    software = ", ".join(f"{name} {found[name]}" for name in ("torch", "weaver-core", "python"))
    how = ("compiled" if setup.compile else "eager") + (", fused AdamW" if setup.fused else "")
    return (
        f"{machine}; PyTorch threads {torch.get_num_threads()}; {software}; {setup.precision}, {how}, "
        f"batch size {batch_size}; seed {setup.seed}; {setup.repeats} repeats of {setup.steps} steps in turn, "
        f"after {setup.warmup} untimed steps"
    )


def comparison_table(results: Sequence[Measured]) -> str:
    """Return a table with a row for each contender of each case."""
    reference = references(results)
    over = f"× {NAMES[REFERENCE]}"
    rows = []
    for result in results:
        case = result.case
        other = reference.get((case.encoder, case.jets, case.particles))
        rates = f"{median(result.rates):.4g} ({min(result.rates):.4g}–{max(result.rates):.4g})"
        peak = NOT_MEASURED if result.peak_bytes is None else f"{result.peak_bytes / 1e6:.1f}"
        ratios = [format_ratio(speed_ratio(result, other)), format_ratio(memory_ratio(result, other))]
        weights = f"{result.parameters / 1e6:.3g}" if result.parameters else "–"
        row = [case.encoder, case.jets, str(case.particles), result.name, weights, rates, ratios[0], peak, ratios[1]]
        rows.append(row)
    heads = ["encoder", "jets", "particles", "contender", "trained weights (10⁶)", "jets/s", over]
    heads += ["peak memory (MB)", over]
    return (
        markdown_table(heads, rows, words=4) + "\n\nJets/s: median (lowest–highest) over the repeats; its ratio is the "
        "median of the ratios of each repeat, above 1 where faster. Peak memory: weights, buffers, optimiser state "
        f"and what a step adds to them at its highest, median of {MEMORY_ROUNDS} runs, in 10⁶ bytes. A repeat is an "
        "epoch of its own: pre-training writes its monitors once in it. In training weaver's ParT cuts its jets to a "
        "random quantile of their lengths, from 0.9; HEP-JEPA keeps all particles. `jetclass` jets have multiplicities "
        "as those of H→bb."
    )


def format_ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.3g}"


def split_table(split: StepSplit) -> str:
    """Return a table with a row for each part of a step, each followed by the parts within it."""
    rows = []
    for part in split.parts:
        if part.within is None:
            inner = [p for p in split.parts if p.within == part.name]
            rows += [part_row(part.name, part.forward, part.backward, split.whole)]
            rows += [part_row(f"… of it {p.name}", p.forward, p.backward, split.whole) for p in inner]
    rows.append(["rest", "", "", f"{1e3 * split.rest:.3f}", f"{split.rest / split.whole:.1%}"])
    rows.append(["whole step", "", "", f"{1e3 * split.whole:.3f}", "100.0%"])
    heads = ["part of a pre-training step", "forward (ms)", "backward (ms)", "both (ms)", "of the step"]
    return markdown_table(heads, rows, words=1)


def part_row(name: str, forward: float, backward: float, whole: float) -> list[str]:
    both = forward + backward
    return [
        name,
        f"{1e3 * forward:.3f}",
        f"{1e3 * backward:.3f}" if backward else "–",
        f"{1e3 * both:.3f}",
        f"{both / whole:.1%}",
    ]


def growth_table(growths: Sequence[Growth]) -> str:
    """Return a table of the time per jet, one row for each contender; all of `growths` are along the same axis."""
    axis, values = growths[0].axis, growths[0].values
    heads = ["ms a jet", *(f"{axis} {value}" for value in values), "exponent", "between neighbours"]
    rows = [
        [
            growth.name,
            *(f"{1e3 * seconds:.4g}" for seconds in growth.seconds),
            f"{growth.exponent:.2f}",
            ", ".join(f"{exponent:.2f}" for exponent in growth.local_exponents),
        ]
        for growth in growths
    ]
    return markdown_table(heads, rows, words=1)


def loader_line(speed: LoaderSpeed) -> str:
    """Return the speed of weaver's loader in a sentence."""
    return (
        f"Weaver's loader (`--io-test`, --num-workers {speed.num_workers}): {speed.rate:.4g} jets/s, over "
        f"{speed.batches} batches of {speed.batch_size} jets, the start of its workers included."
    )
