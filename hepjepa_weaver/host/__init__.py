"""The contact with weaver: hooks of network configs, replaced parts of weaver, input files, resuming."""
