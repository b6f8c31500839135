#!/usr/bin/env python3
"""Run a weaver command or, if it was interrupted before, go on with it: a batch job can start it again and again.

scripts/resume.py weaver --network-config … --model-prefix models/hepjepa/net …

Goes on with the last epoch of which both checkpoints are whole; refuses where they are those of another command or of
other jets. A part of an epoch is lost with an interruption: choose short ones (--steps-per-epoch).
"""

import os
import sys

from hepjepa_weaver.common.errors import run_script
from hepjepa_weaver.host.resume import resumed


def main() -> None:
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
        return
    command = resumed(sys.argv[1:])
    print(" ".join(command[len(sys.argv) - 1 :]) or "from the start", flush=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    run_script(main)
