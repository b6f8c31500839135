"""At the border to weaver: hooks of network configs, what is patched, input files, resuming."""
