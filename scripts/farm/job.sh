#!/usr/bin/env bash
# What an HTCondor job runs: the environment .venv, if the folder has one, and in it a weaver command that goes on where
# it was interrupted.
#   scripts/farm/job.sh weaver --network-config … --model-prefix models/hepjepa/net …
set -euo pipefail
[ -d .venv ] && . .venv/bin/activate
exec hepjepa resume "$@"
