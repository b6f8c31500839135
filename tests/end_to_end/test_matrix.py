"""Every network config with every reader and every way of reading: it works, and gives each jet once.

Each command trains, validates and predicts. The suite runs a part in which each pair of settings occurs; `pytest -m
long` runs all.
"""

import json
from itertools import product

import awkward as ak
import numpy as np
import pytest

from tests.helpers.jet_files import converted
from tests.helpers.statistics import saved_statistics
from tests.helpers.tokens import saved_tokenizer
from tests.helpers.toy_jets import JETS_PER_CLASS, LABELS, SPLITS
from tests.helpers.weaver_command import ENCODER, PREDICTOR, succeeded, weaver

pytestmark = pytest.mark.slow

PARTICLENET = ("-o", "conv_params", "((4,(8,8)),)", "-o", "fc_params", "((8,0.1),)")
EVERY_TARGET = ("token", "cluster", "flow", "flow_matching", "set_flow")
NETWORKS = {
    "hepjepa_pretrain": (*ENCODER, *PREDICTOR, "-o", "composition_weight", "1", "-o", "particle_statistics",
                         "{files}/particles.pt"),
    "mpm_pretrain": (*ENCODER, *PREDICTOR, "-o", "masked_input", "replaced", "-o", "pt_ranks", "True", "-o", "layout",
                     "packed", "-o", "tokenizer", "{files}/tokenizer.pt", "-o", "particle_statistics",
                     "{files}/particles.pt", *" ".join(f"-o {name}_weight 1" for name in EVERY_TARGET).split()),
    "jet_tokenizer": ("-o", "tokenizer_dim", "16", "-o", "tokenizer_heads", "4", "-o", "codes", "64"),
    "omnijet_pretrain": (*ENCODER, *PREDICTOR, "-o", "token_head_heads", "4", "-o", "preset", "joint", "-o",
                         "tokenizer", "{files}/tokenizer.pt"),
    "hepjepa_finetune": (*ENCODER, "-o", "from_scratch", "True"),
    "part": (*ENCODER, "-o", "fast", "True"),
    "particlenet": PARTICLENET,
}  # fmt: skip
READERS = (".root", ".parquet", ".h5")
LOADING = {
    "whole files": ("--fetch-step", "1"),
    "a tenth": ("--fetch-step", "0.1"),
    "two workers": ("--fetch-step", "1", "--num-workers", "2"),
    "in memory": ("--fetch-step", "1", "--in-memory", "--steps-per-epoch", "3", "--steps-per-epoch-val", "6"),
}
ALL = list(product(NETWORKS, READERS, LOADING))
N_JETS = len(LABELS) * JETS_PER_CLASS


def pairwise(settings):
    """Choose, one after the other, the combination that holds most pairs of settings not met so far."""

    def pairs(combination):
        numbered = list(enumerate(combination))
        return {(one, other) for one in numbered for other in numbered if one < other}

    left = set().union(*map(pairs, settings))
    while left:
        best = max(settings, key=lambda combination: len(pairs(combination) & left))
        left -= pairs(best)
        yield best


SOME = list(pairwise(ALL))


def test_each_pair_of_settings_is_tried():
    for network, ending in product(NETWORKS, READERS):
        assert any(one[:2] == (network, ending) for one in SOME)
    for ending, loading in product(READERS, LOADING):
        assert any(one[1:] == (ending, loading) for one in SOME)
    assert len(SOME) <= 30


@pytest.fixture(scope="module")
def files(made_once, toy_files):
    """The toy jets in each format: a folder for each split, with a folder for each ending."""

    def fill(folder):
        for split, ending in product(SPLITS, READERS):
            converted(toy_files / split, ending, folder / split / ending[1:])
        saved_tokenizer(folder / "tokenizer.pt")
        saved_statistics(folder / "particles.pt")

    return made_once("matrix_files", fill)


def run(folder, files, network, ending, loading):
    words = [f"{files}/{{}}/{ending[1:]}/*{ending}".format(split) for split in SPLITS]
    data = [word for pair in zip(("--data-train", "--data-val", "--data-test"), words, strict=True) for word in pair]
    options = ("--num-epochs", "1", "--model-prefix", "net", "--predict-output", "./out.parquet", *data)
    own = [word.format(files=files) if "{" in word else word for word in NETWORKS[network]]
    done = weaver(folder, network, *options, *own, *LOADING[loading], split=None)
    log = succeeded(done)
    assert "Traceback" not in log + done.stderr
    (epoch,) = map(json.loads, (folder / "net_metrics.jsonl").read_text().splitlines())
    assert epoch["jets"] == (150 if loading == "in memory" else N_JETS)
    assert epoch["metric"] is not None
    prediction = ak.from_parquet(folder / "out.parquet")
    assert len(prediction) == N_JETS
    assert np.isfinite(ak.to_numpy(ak.flatten(prediction.scores, axis=None))).all()
    assert prediction.entry.tolist() == list(range(JETS_PER_CLASS)) * len(LABELS)
    assert prediction.file.tolist() == sorted(prediction.file.tolist())
    assert ak.to_numpy(prediction["_label_"]).min() >= 0


@pytest.mark.parametrize(("network", "ending", "loading"), SOME)
def test_it_trains_and_predicts(tmp_path, files, network, ending, loading):
    run(tmp_path, files, network, ending, loading)


@pytest.mark.long
@pytest.mark.parametrize(("network", "ending", "loading"), [one for one in ALL if one not in SOME])
def test_the_rest_does_so_too(tmp_path, files, network, ending, loading):
    run(tmp_path, files, network, ending, loading)
