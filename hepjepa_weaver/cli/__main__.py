"""The command `hepjepa` as `python -m hepjepa_weaver.cli`."""

from hepjepa_weaver.cli.main import main

main()
