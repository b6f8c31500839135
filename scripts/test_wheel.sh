#!/usr/bin/env bash
# Builds sdist and wheel, installs the wheel into a fresh environment, and uses it in an empty folder: two steps of
# pre-training on toy jets, and their embeddings. Set PYTHON to choose the interpreter.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset PYTHONPATH

shown() {
    echo "\$ $*"
    "$@"
}

echo "Building sdist and wheel"
"${PYTHON:-python3}" -m venv "$work/builder"
"$work/builder/bin/python" -m pip install --quiet --disable-pip-version-check build
"$work/builder/bin/python" -m build --outdir "$work/dist" "$repository" >"$work/build.log" || { cat "$work/build.log"; exit 1; }
(cd "$work/dist" && ls)

echo "Installing the wheel into a fresh environment"
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint "$repository/constraints.txt" "$work"/dist/*.whl

mkdir "$work/empty"
cd "$work/empty"
PATH="$work/venv/bin:$PATH"
shown hepjepa where
shown hepjepa where hepjepa_pretrain
shown hepjepa options hepjepa_pretrain target_norm
python -c "
import sys
from pathlib import Path
sys.path.append('$repository')  # for the tests' toy jets; the package itself is the installed one
from tests.helpers.toy_jets import write_toy_files
import hepjepa_weaver
assert '$work/venv' in hepjepa_weaver.__file__, hepjepa_weaver.__file__
write_toy_files(Path('jets'), jets_per_class=20)
"
echo '$ weaver --network-config "$(hepjepa where hepjepa_pretrain)" --data-config "$(hepjepa where JetClass_full)" …'
weaver --network-config "$(hepjepa where hepjepa_pretrain)" --data-config "$(hepjepa where JetClass_full)" \
    --data-train 'jets/*.root' --data-val 'jets/*.root' --gpus '' --num-workers 1 --fetch-step 1 \
    --batch-size 20 --num-epochs 1 --steps-per-epoch 2 --steps-per-epoch-val 5 -o size quick \
    --model-prefix models/net >weaver.log 2>&1 || { tail -n 20 weaver.log; exit 1; }
ls models
shown hepjepa embed models/net_best_epoch_state.pt jets/HToBB_000.root \
    --data-config "$(hepjepa where JetClass_full)" -o embeddings.parquet
echo "The wheel works by itself"
