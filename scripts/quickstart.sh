#!/usr/bin/env bash
# From nothing to a report: makes the environment .venv, then runs `hepjepa quickstart` in it, which makes jets,
# pre-trains, fine-tunes, trains from scratch and writes runs/quickstart/report.md. Ten minutes on two cores.
#
# Set JETS to a folder with train*/ val*/ test*/ of JetClass files to use those, GPUS to a GPU number (default: CPU).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
use_environment jets,plots
echo "Environment ready after $SECONDS s"
hepjepa quickstart "$@"
echo "In a new shell, first type: . .venv/bin/activate"
echo "In all, environment included: $((SECONDS / 60)) min $((SECONDS % 60)) s"
