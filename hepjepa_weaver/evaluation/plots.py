"""ROC and training curves as PNG files. Each function returns the matplotlib figure that it saved."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.evaluation.canvas import legend_below, line, panels, save
from hepjepa_weaver.evaluation.predictions import Predictions
from hepjepa_weaver.evaluation.tagging_metrics import roc_points, two_class_scores
from hepjepa_weaver.evaluation.training_curves import Curve, Curves

EPOCH = " (epoch)"  # end of the tags that weaver writes once an epoch

# Panel title, label of the y axis, and the word that a tag of the panel contains; the first match counts.
PRETRAINING_PANELS = (
    ("Probe accuracy", "accuracy of the linear probe", "probe_accuracy"),
    ("Effective rank", "effective rank of the jet embeddings", "effective_rank"),
    ("Pre-training loss", "loss", "loss"),
)
FINETUNING_PANELS = (
    ("Training loss", "cross entropy", "Loss/train (epoch)"),
    ("Validation accuracy", "accuracy", "Acc/eval (epoch)"),
)


def plot_roc(networks: Mapping[str, Predictions], path: Path, background: str = "QCD") -> Any:
    """Draw background against signal efficiency, one panel for each signal class and one line for each network.

    All networks must have the same classes.

    Raises:
        UserError: matplotlib is missing.
    """
    signals = [name for name in next(iter(networks.values())).class_names if name != background]
    figure, axes = panels(len(signals), columns=min(3, len(signals)))
    for panel, signal in zip(axes, signals, strict=True):
        for index, (network, predictions) in enumerate(networks.items()):
            signal_efficiency, background_efficiency = roc_points(*two_class_scores(predictions, signal, background))
            survives = background_efficiency > 0  # a logarithmic axis has no zero
            panel.plot(signal_efficiency[survives], background_efficiency[survives], label=network, **line(index))
        panel.set(yscale="log", xlim=(0, 1), ylim=(None, 1), title=f"{signal} against {background}")
        panel.set(xlabel="signal efficiency", ylabel=f"{background} efficiency (1/rejection)")
    legend_below(figure, axes[0])
    return save(figure, path)


def plot_pretraining(runs: Mapping[str, Curves], path: Path) -> Any:
    """Draw loss terms, probe accuracy and effective rank of pre-training runs, as far as the runs wrote them.

    A panel shows scalars by epoch if there are any, else those by optimiser step.

    Raises:
        UserError: no run has any of these tags, or matplotlib is missing.
    """
    panels: dict[str, dict[str, Curve]] = {title: {} for title, _, _ in PRETRAINING_PANELS}
    for run, curves in runs.items():
        for tag, curve in curves.items():
            title = next((title for title, _, word in PRETRAINING_PANELS if word in tag.lower()), None)
            if title is not None:
                panels[title][tag if len(runs) == 1 else f"{run}: {tag}"] = curve
    return _plot_curves([(title, unit, _one_axis(panels[title])) for title, unit, _ in PRETRAINING_PANELS], path)


def plot_finetuning(runs: Mapping[str, Curves], path: Path) -> Any:
    """Draw weaver's training loss and validation accuracy by epoch, one line for each run that has them.

    Raises:
        UserError: no run has any, or matplotlib is missing.
    """
    panels = [
        (title, unit, {f"{run}{EPOCH}": curves[tag] for run, curves in runs.items() if tag in curves})
        for title, unit, tag in FINETUNING_PANELS
    ]
    return _plot_curves(panels, path)


def _one_axis(curves: dict[str, Curve]) -> dict[str, Curve]:
    """Keep the scalars by epoch if there are any: those by step do not fit on the same axis."""
    return {label: curve for label, curve in curves.items() if label.endswith(EPOCH)} or curves


def _plot_curves(contents: list[tuple[str, str, dict[str, Curve]]], path: Path) -> Any:
    """Draw a panel for each (title, unit, curves by label) that has curves."""
    contents = [content for content in contents if content[2]]
    if not contents:
        raise UserError(f"{path.name}: the TensorBoard directories hold none of the scalars to be drawn")
    figure, axes = panels(len(contents), columns=len(contents))
    for panel, (title, unit, curves) in zip(axes, contents, strict=True):
        for index, (label, curve) in enumerate(curves.items()):
            marker = "." if len(curve.steps) < 50 else ""  # a run of one epoch shows no line
            panel.plot(curve.steps, curve.values, label=label.removesuffix(EPOCH), marker=marker, **line(index))
        by_epoch = all(label.endswith(EPOCH) for label in curves)
        panel.set(title=title, ylabel=unit, xlabel="epoch" if by_epoch else "optimiser step")
        panel.xaxis.get_major_locator().set_params(integer=True)  # no half epochs
        panel.legend(fontsize="x-small", frameon=False)
    return save(figure, path)
