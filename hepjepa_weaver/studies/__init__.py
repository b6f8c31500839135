"""The evaluation grid: tasks × methods × labels × seeds, as plain `weaver` commands behind a Snakemake workflow."""
