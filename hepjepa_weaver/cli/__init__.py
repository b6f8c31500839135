"""The command `hepjepa`. Each of its commands is a module with `add_arguments` and `run`."""
