#!/usr/bin/env python3
"""Compare pre-training settings under one budget: pre-train, probe, fine-tune, and make the table."""

import argparse
from pathlib import Path

from hepjepa_weaver.common.errors import UserError, require_at_least, run_script
from hepjepa_weaver.search.checks import check_plan
from hepjepa_weaver.search.commands import Places
from hepjepa_weaver.search.history import history_table
from hepjepa_weaver.search.plan import Plan, read_plan
from hepjepa_weaver.search.result_tables import recipes_table, results_table, rows_of_plan
from hepjepa_weaver.search.results import read_rows
from hepjepa_weaver.search.runner import Search

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path, help="YAML file, as those in scripts/searches")
    parser.add_argument("-d", "--jets", type=Path, required=True, help="folder with train/, val/ and test/ of jets")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of logs, checkpoints, results")
    parser.add_argument("--jobs", type=int, default=1, help="settings at a time, one thread each (default: 1)")
    parser.add_argument("--only", nargs="+", metavar="SETTING", help="these settings of the plan alone")
    args = parser.parse_args()
    plan = read_plan(args.plan)
    check_plan(plan)
    unknown = set(args.only or ()) - set(plan.settings)
    if unknown:
        raise UserError(f"--only {' '.join(sorted(unknown))}: the plan has {', '.join(plan.settings)}")
    require_at_least(args, {"jobs": 1})
    places = Places(REPOSITORY, args.jets.resolve(), args.output.resolve())
    search = Search(plan, places)
    try:
        search.run(plan.runs(args.only or plan.settings), args.jobs)
    finally:
        print(write_tables(plan, places))


def write_tables(plan: Plan, places: Places) -> str:
    """Write table.md and history.md of all that was measured so far, here or by another search with the same output;
    return the first."""
    rows = rows_of_plan(read_rows(places.results), plan)
    table = results_table(rows, plan.finetuning.labels)
    if len(plan.finetuning.recipes) > 1:
        table += "\n\n" + recipes_table(rows)
    folders = {run: places.pretrained(run).parent for run in plan.runs(plan.settings)}
    history = history_table(folders, plan.pretraining.jets_after(1))
    for name, text in (("table", table), ("history", history)):
        (places.output / f"{name}.md").write_text(text + "\n")
    return table


if __name__ == "__main__":
    run_script(main)
