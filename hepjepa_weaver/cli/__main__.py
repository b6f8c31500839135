"""`python -m hepjepa_weaver.cli` is the command `hepjepa`."""

from hepjepa_weaver.cli.main import main

main()
