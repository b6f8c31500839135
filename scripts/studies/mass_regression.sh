#!/usr/bin/env bash
# Resolution of the jet mass with few labels: hybrid training from scratch and after pre-training, side by side.
#
#   hepjepa jets MiniJetClass -d jets/mass --train 1000 --val 100 --test 1000 --seed 11
#   scripts/studies/mass_regression.sh jets/mass runs/mass hepjepa1=runs/rivals/pretrained/hepjepa_particles/seed1/net_best_epoch_state.pt …
#
# Arguments: folder of jets, folder of results, and NAME=CHECKPOINT of each encoder. Three draws of the labels each.
# Metrics of finished trainings are kept: run it again to go on.
set -euo pipefail
jets=$1 runs=$2
shift 2
network=$(hepjepa where hepjepa_finetune) data_config=$(hepjepa where MiniJetClass_hybrid)
options=(-o target hybrid -o regression_loss quantile -o pooling mean -o rotate True -o reflect True -o size quick)
train=(--gpus "" --in-memory --fetch-step 1 --num-workers 1 --num-epochs 10 --optimizer AdamW -p weight_decay 0.01
       --lr-scheduler flat+cos --warmup-steps 20)

subset() { # SPLIT LABELS SEED
    [[ -d $runs/$1_$2_$3 ]] || hepjepa subset "$jets/$1" -o "$runs/$1_$2_$3" --labels-per-class "$2" --seed "$3"
}

run() { # NAME LABELS BATCH_SIZE STEPS SEED START…
    local folder=$runs/$1/$2/seed$5
    [[ -f $folder.json ]] && return
    subset train "$2" "$5"
    weaver --network-config "$network" --data-config "$data_config" "${options[@]}" "${train[@]}" "${@:6}" \
        --data-train "$runs/train_$2_$5/*.root" --data-val "$jets/val/*.root" --data-test "$jets/test/*.root" \
        --model-prefix "$folder/net" --predict-output "$PWD/$folder/test.parquet" --batch-size "$3" \
        --steps-per-epoch "$4" --batch-size-val 250 --steps-per-epoch-val 4 -o seed "$5" >"$folder.log" 2>&1
    hepjepa evaluate "$folder/test.parquet" --data-config "$data_config" --background 0 -o "$folder.json"
    rm -r "$folder"
}

mkdir -p "$runs"
while read -r labels batch_size steps; do
    for seed in 0 1 2; do
        mkdir -p "$runs/scratch/$labels"
        run scratch "$labels" "$batch_size" "$steps" "$seed" --start-lr 1e-3 -o from_scratch True
        for encoder in "$@"; do
            name=${encoder%%=*}
            mkdir -p "$runs/$name/$labels"
            run "$name" "$labels" "$batch_size" "$steps" "$seed" --start-lr 1e-3 -o layer_decay 0.6 \
                --load-model-weights "${encoder#*=}"
        done
    done
done <<'PLAN'
50 50 40
200 100 30
1000 128 62
PLAN
