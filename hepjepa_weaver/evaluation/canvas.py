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
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise UserError("plots need matplotlib: pip install 'hepjepa-weaver[plots]'") from error
    rows = -(-n_panels // columns)
    figure = Figure(figsize=(4.5 * columns, 3.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, columns, index + 1) for index in range(n_panels)]


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
