#!/usr/bin/env bash
# What a GPU makes of each speed-up, in about six minutes: first whether the numbers are those of padded jets, then jets/s.
#   scripts/benchmarks/gpu.sh [FOLDER for the tables, default .]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath "${1:-.}")
mkdir -p "$out"
export OMP_NUM_THREADS=1
python3 -m pytest -q -m gpu tests/end_to_end/test_gpu.py -k "a_step or wait_for_nothing or alone" 2>&1 | tail -15 || true
measure() { # NAME BATCH STEPS options…
  local name=$1 batch=$2 steps=$3
  shift 3
  python3 scripts/benchmarks/benchmark_networks.py --device cuda --precision bf16 --encoder part-full --particles 128 \
    --jets jetclass --batch-size "$batch" --steps "$steps" --repeats 3 --out "$out/$name.md" "$@" | grep '^|' || true
}
all=(stock fast pretrain mpm finetune inference)
layouts=(padded packed compiled)
measure speed_512 512 12 --contender "${all[@]}" --layout "${layouts[@]}" --warmup 12
measure speed_512_fused 512 12 --contender stock pretrain mpm --layout "${layouts[@]}" --warmup 12 --fused
measure speed_2048 2048 6 --contender "${all[@]}" --layout "${layouts[@]}" --warmup 8
