"""Studies of many trainings: tasks × networks × labels × seeds, as plain `weaver` commands that Snakemake runs."""
