"""The command `hepjepa`: one module for each of its commands, with `add_arguments` and `run`."""
