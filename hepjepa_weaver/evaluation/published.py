"""Published test results, as tables that keep their source and how far it can be trusted."""

from importlib.resources import files

import yaml

from hepjepa_weaver.evaluation.tables import markdown_table

TRUST = {
    "paper": "read in the paper",
    "tables": "two copies of the paper's table agree",
    "second-hand": "from a summary of the paper: check before quoting",
}


def published_table(name: str) -> str:
    """Return the Markdown table called `name` (JetClass, Labels, TopLandscape, QuarkGluon, Robustness)."""
    content = yaml.safe_load(files("hepjepa_weaver.evaluation").joinpath("published.yaml").read_text())[name]
    columns = content["columns"]
    rows = [
        [
            row["name"],
            row["source"],
            row["trust"],
            *map(str, row["values"]),
            *["–"] * (len(columns) - len(row["values"])),
        ]
        for row in content["rows"]
    ]
    used = dict.fromkeys(row["trust"] for row in content["rows"])
    legend = "; ".join(f"*{trust}*: {TRUST[trust]}" for trust in used)
    return markdown_table(["published", "source", "trust", *columns], rows, words=3) + f"\n\n{legend}."
