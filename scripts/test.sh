#!/usr/bin/env bash
# The project's checks: style, types, and all tests. Arguments go to pytest: scripts/test.sh -k masking
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
use_environment dev,jets,plots,grid,onnx

echo "Style (ruff)"
ruff check .
ruff format --check --quiet .
echo "Types (mypy)"
mypy
echo "Tests (pytest, one process a core)"
OMP_NUM_THREADS=1 pytest -n auto --dist loadfile "$@"
