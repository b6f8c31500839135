#!/usr/bin/env bash
# What a batch job runs: this project's environment, and in it a weaver command that goes on where it was interrupted.
#   scripts/farm/job.sh weaver --network-config … --model-prefix models/hepjepa/net …
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ -d .venv ] && . .venv/bin/activate
exec scripts/resume.py "$@"
