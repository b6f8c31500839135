#!/usr/bin/env bash
# From nothing to a report: makes jets with Pythia 8, pre-trains HEP-JEPA on them without labels, fine-tunes it with few
# labels, trains ParT of the same size from scratch on the same labels, and writes runs/quickstart/report.md.
#
# Set JETS to a folder with train*/ val*/ test*/ of JetClass files to use those, GPUS to a GPU number (default: CPU).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh
use_environment jets,plots

GPUS=${GPUS-}
OUT=runs/quickstart
DATA_CONFIG=data_configs/JetClass/JetClass_full.yaml
ENCODER=(-o size quick)
LOADING=(--data-config "$DATA_CONFIG" --num-workers 1 --gpus "$GPUS")
if [ -n "${JETS:-}" ]; then
    FETCH=0.01 # of each file at a time: JetClass does not fit into memory
else
    FETCH=1
    LOADING+=(--in-memory)
fi
# the same jets after every epoch: any number of steps but -1 goes on where the epoch before stopped
VALIDATION=(--data-val "$OUT/validation/*.root" --no-in-memory-val --fetch-step-val 1)
VALIDATION+=(--batch-size-val 200 --steps-per-epoch-val -1)
MADE=jets/MiniJetClass
JETS=${JETS:-$MADE}

mkdir -p "$OUT/logs"
: >"$OUT/commands.log"

# as_typed ARGUMENT...: the command as one would type it, quoted only where the shell asks for it
as_typed() {
    local word line=""
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./:=+-]+$ ]] || word=${word@Q}
        line+="$word "
    done
    echo "${line% }"
}

# run NAME COMMAND...: shows the command, keeps its output in a log, and notes its wall time for the report
run() {
    local name=$1 start=$SECONDS
    shift
    echo "[$(date +%H:%M:%S)] $name: $(as_typed "$@")"
    if [ "$name" = jets ]; then
        "$@"
    elif ! "$@" >"$OUT/logs/$name.log" 2>&1; then
        tail -n 3 "$OUT/logs/$name.log" >&2
        fail "$name failed, see $OUT/logs/$name.log"
    fi
    printf '%s\t%s\n' "$((SECONDS - start))" "$(as_typed "$@")" >>"$OUT/commands.log"
}

# both NAME: runs the shell function NAME for HEP-JEPA and for ParT side by side, one core each
both() {
    OMP_NUM_THREADS=1 "$1" hepjepa & local first=$!
    OMP_NUM_THREADS=1 "$1" part & local second=$!
    wait "$first" || fail "$1 hepjepa did not finish"
    wait "$second" || fail "$1 part did not finish"
}

pretrain() {
    run pretrain weaver --network-config network_configs/hepjepa_pretrain.py "${LOADING[@]}" --fetch-step "$FETCH" \
        "${ENCODER[@]}" -o dropout 0 -o log_every 10 \
        --data-train "$JETS/train*/*.root" "${VALIDATION[@]}" --model-prefix "$OUT/pretrain/net" \
        --batch-size 128 --num-epochs 4 --steps-per-epoch 150 \
        --optimizer AdamW --start-lr 3e-3 -p weight_decay 0.01 -p clip_grad_norm 1 \
        --lr-scheduler warmup+cos --warmup-steps 50 \
        --tensorboard _quickstart_pretrain
}

# train_on NETWORK LABELS: the same labels, steps and optimiser for both networks
train_on() {
    local network=$1 labels=$2 steps=$3 source
    case $network in
        hepjepa)
            source=(network_configs/hepjepa_finetune.py -o pooling mean)
            source+=(--load-model-weights "$OUT/pretrain/net_best_epoch_state.pt")
            ;;
        part) source=(network_configs/part.py) ;;
    esac
    run "${network}_${labels}" weaver --network-config "${source[@]}" "${LOADING[@]}" --fetch-step 1 "${ENCODER[@]}" \
        --data-train "$OUT/labels_$labels/*.root" "${VALIDATION[@]}" \
        --model-prefix "$OUT/${network}_${labels}/net" --batch-size 100 --num-epochs 5 --steps-per-epoch "$steps" \
        --optimizer AdamW --start-lr 1e-3 -p weight_decay 0.01 \
        --tensorboard "_quickstart_${network}_${labels}"
}

predict_with() {
    local network=$1 labels=$2 config=(network_configs/part.py)
    [ "$network" = hepjepa ] && config=(network_configs/hepjepa_finetune.py -o pooling mean)
    run "predict_${network}_${labels}" weaver --predict --network-config "${config[@]}" --data-config "$DATA_CONFIG" \
        --num-workers 1 --gpus "$GPUS" --batch-size 250 "${ENCODER[@]}" --data-test "$JETS/test*/*.root" \
        --model-prefix "$OUT/${network}_${labels}/net_best_epoch_state.pt" \
        --predict-output "$OUT/${network}_${labels}/test.parquet"
}

train_50() { train_on "$1" 50 20; }
train_200() { train_on "$1" 200 30; }
predict_50() { predict_with "$1" 50; }
predict_200() { predict_with "$1" 200; }

if [ "$JETS" = "$MADE" ]; then
    run jets scripts/make_jets.py MiniJetClass -d "$JETS" --train 2000 --val 500 --test 500 --jobs 2 --seed 1
fi
for labels in 50 200; do
    run "labels_$labels" scripts/make_fewshot.py "$JETS"/train* -o "$OUT/labels_$labels" --labels-per-class "$labels" --seed 0
done
run validation scripts/make_fewshot.py "$JETS"/val* -o "$OUT/validation" --labels-per-class 200 --seed 0
pretrain
both train_50
both train_200
both predict_50
both predict_200
run report scripts/make_report.py --data-config "$DATA_CONFIG" \
    --prediction "HEP-JEPA fine-tuned, 50 labels/class" "$OUT/hepjepa_50/test.parquet" \
    --prediction "ParT from scratch, 50 labels/class" "$OUT/part_50/test.parquet" \
    --prediction "HEP-JEPA fine-tuned, 200 labels/class" "$OUT/hepjepa_200/test.parquet" \
    --prediction "ParT from scratch, 200 labels/class" "$OUT/part_200/test.parquet" \
    --pretraining-curves "HEP-JEPA" "runs/*_quickstart_pretrain" \
    --curves "HEP-JEPA, 50" "runs/*_quickstart_hepjepa_50" --curves "ParT, 50" "runs/*_quickstart_part_50" \
    --curves "HEP-JEPA, 200" "runs/*_quickstart_hepjepa_200" --curves "ParT, 200" "runs/*_quickstart_part_200" \
    --commands "$OUT/commands.log" --out "$OUT/report.md"

echo "Done in $((SECONDS / 60)) min $((SECONDS % 60)) s: $OUT/report.md"
sed -n '/^|/p' "$OUT/report.md" | head -n 8
