#!/usr/bin/env python3
"""Compare pre-training settings under one budget: pre-train, probe, fine-tune, and make the table."""

import argparse
from pathlib import Path

from hepjepa_weaver.errors import UserError, run_script
from hepjepa_weaver.search.commands import Places
from hepjepa_weaver.search.history import history_table
from hepjepa_weaver.search.plan import read_plan
from hepjepa_weaver.search.results import recipes_table, results_table
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
    unknown = set(args.only or ()) - set(plan.settings)
    if unknown:
        raise UserError(f"--only {' '.join(sorted(unknown))}: the plan has {', '.join(plan.settings)}")
    places = Places(REPOSITORY, args.jets.resolve(), args.output.resolve())
    search = Search(plan, places)
    search.run(plan.runs(args.only or plan.settings), args.jobs)
    rows = [row for row in search.results.rows if row.setting in plan.settings]
    table = results_table(rows, plan.finetuning.labels)
    if len(plan.finetuning.recipes) > 1:
        table += "\n\n" + recipes_table(rows)
    folders = {run: places.pretrained(run).parent for run in plan.runs(plan.settings)}
    (args.output / "history.md").write_text(history_table(folders, plan.pretraining.jets_after(1)) + "\n")
    (args.output / "table.md").write_text(table + "\n")
    print(table)


if __name__ == "__main__":
    run_script(main)
