"""Published test results, as tables with their source and with how far to trust it."""

from collections.abc import Mapping
from importlib.resources import files

import yaml

from hepjepa_weaver.common.markdown import markdown_table

TRUST = {
    "measured": "with the jets, labels and network of this report: not to be compared to the last digit",
    "paper": "read in the paper",
    "tables": "two copies of the paper's table agree",
    "second-hand": "from a summary of the paper: check before quoting",
}
UNKNOWN = "–"


def published_table(name: str, ours: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the Markdown table called `name` (JetClass, Labels, TopLandscape, QuarkGluon, Robustness).

    Args:
        name: name of the table.
        ours: our measurements by row and by metric, shown above the published ones.
    """
    content = yaml.safe_load(files("hepjepa_weaver.evaluation").joinpath("published.yaml").read_text())[name]
    columns = content["columns"]
    rows = [
        [title, "this report", "measured", *(metrics.get(column, UNKNOWN) for column in columns)]
        for title, metrics in (ours or {}).items()
    ]
    for row in content["rows"]:
        values = [UNKNOWN if value is None else str(value) for value in row["values"]]
        rows.append([row["name"], row["source"], row["trust"], *values, *[UNKNOWN] * (len(columns) - len(values))])
    legend = "; ".join(f"*{trust}*: {TRUST[trust]}" for trust in dict.fromkeys(row[2] for row in rows))
    table = markdown_table(["network", "source", "trust", *columns], rows, words=3)
    return f"{table}\n\n{content['note']} {legend}."
