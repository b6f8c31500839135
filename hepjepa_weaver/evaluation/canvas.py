"""Figures with panels and their lines, saved as PNG files.

matplotlib is imported only when a figure is made, so that metrics and tables do without it. Its object interface leaves
no global state behind.
"""

from pathlib import Path
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole

INCHES_A_LETTER = 0.08
LINE_STYLES = ("-", "--", "-.", ":")


def panels(n_panels: int, columns: int) -> tuple[Any, list[Any]]:
    """Return a figure and its `n_panels` axes, `columns` of them in a row.

    Raises:
        UserError: matplotlib is missing.
    """
    rows = -(-n_panels // columns)
    figure = new_figure(4.5 * columns, 3.5 * rows)
    return figure, [figure.add_subplot(rows, columns, index + 1) for index in range(n_panels)]


def panels_with_ratios(n_panels: int, columns: int) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return a figure and `n_panels` pairs of axes: a panel, and below it a flat one that shares the x axis.

    Raises:
        UserError: matplotlib is missing.
    """
    rows = -(-n_panels // columns)
    figure = new_figure(4.0 * columns, 3.6 * rows)
    figure.get_layout_engine().set(hspace=0.0, h_pad=0.03)
    pairs = []
    for cell in list(figure.add_gridspec(rows, columns))[:n_panels]:
        upper, lower = cell.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.05)
        panel = figure.add_subplot(upper)
        pairs.append((panel, figure.add_subplot(lower, sharex=panel)))
        panel.tick_params(labelbottom=False)
    return figure, pairs


def new_figure(width: float, height: float) -> Any:
    """Return an empty figure of this size in inches.

    Raises:
        UserError: matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise UserError("plots need matplotlib: pip install 'hepjepa-weaver[plots]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def line(index: int) -> dict[str, Any]:
    """Return colour and style of line `index`: ten colours, then the same colours with another dash."""
    return {"color": f"C{index % 10}", "linestyle": LINE_STYLES[index // 10 % len(LINE_STYLES)], "linewidth": 1.2}


def legend_below(figure: Any, panel: Any) -> None:
    """Put the legend of the lines of `panel` below all panels, in as many columns as fit into the figure."""
    handles, labels = panel.get_legend_handles_labels()
    column = 0.7 + INCHES_A_LETTER * max(map(len, labels))
    columns = max(int(figure.get_figwidth() / column), 1)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def save(figure: Any, path: Path) -> Any:
    """Write the figure to a PNG file, whole or not at all, and return the figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return figure
