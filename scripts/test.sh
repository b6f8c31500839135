#!/usr/bin/env bash
# The project's checks: style, format, types, import contract, and all tests (15 minutes on two cores).
# With --fast only the quick tests, one real weaver command among them (2 minutes).
# Other arguments go to pytest: scripts/test.sh -k masking
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

arguments=()
for argument in "$@"; do
    if [ "$argument" = --fast ]; then
        arguments+=(-m "(not slow or first) and not long and not gpu")
    else
        arguments+=("$argument")
    fi
done
use_environment dev,jets,plots,hdf5,grid,onnx

echo "Style and format (ruff)"
ruff check .
ruff format --check --quiet .
echo "Types (mypy)"
mypy
echo "Import contract (lint-imports)"
lint-imports --no-cache
echo "Tests (pytest, one process a core)"
OMP_NUM_THREADS=1 pytest -n auto --dist loadgroup ${arguments[@]+"${arguments[@]}"}
