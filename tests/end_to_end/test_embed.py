"""`hepjepa embed` beside `weaver --predict`: the same embeddings of the same jets."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.networks import default_jepa
from tests.helpers.toy_jets import random_jets, weaver_inputs, write_toy_files
from tests.helpers.weaver_command import DATA_CONFIG, ENCODER, PREDICTOR, succeeded, weaver

pytestmark = pytest.mark.slow

SELECTION = "(jet_pt > 300) & (jet_nparticles > 2)"


def trained(folder: Path) -> Path:
    """A checkpoint whose BatchNorm statistics are those of jets."""
    model = default_jepa(num_layers=1).train()
    for seed in range(3):
        model(*weaver_inputs(random_jets([3, 20, 60, 128], seed=seed)))
    torch.save(model.state_dict(), folder / "net_state.pt")
    return folder / "net_state.pt"


def identity(table: ak.Array) -> list[tuple[float, float]]:
    """Two numbers that no two jets share."""
    return list(zip(*(ak.to_numpy(table[name]).tolist() for name in ("jet_pt", "jet_eta")), strict=True))


def test_embeddings_are_those_of_weavers_prediction_whatever_its_order(tmp_path):
    write_toy_files(tmp_path / "test", jets_per_class=20, seed=2)
    config = tmp_path / "selected.yaml"
    config.write_text(DATA_CONFIG.read_text().replace("selection:\n", f"test_time_selection: {SELECTION}\n", 1))
    trained(tmp_path)
    options = ("--predict", "--model-prefix", "net_state.pt", "--predict-output", "predictions/jets.parquet")
    words = (*options, *ENCODER, *PREDICTOR, "--num-workers", "3", "--batch-size", "7")
    succeeded(weaver(tmp_path, "hepjepa_pretrain", *words, data_config=config, split="test"))
    predicted = ak.from_parquet(tmp_path / "predictions/jets.parquet")

    files = sorted((tmp_path / "test").iterdir())
    done = hepjepa("embed", "net_state.pt", *files, "--data-config", config, "-o", "out.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    embedded = ak.from_parquet(tmp_path / "out.parquet")

    kept = {}
    for path in files:
        with uproot.open(path) as file:
            table = file["tree"].arrays(["jet_pt", "jet_eta", "jet_nparticles"])
        passes = ak.to_numpy((table["jet_pt"] > 300) & (table["jet_nparticles"] > 2))
        kept |= {(str(path), entry): identity(table)[entry] for entry in np.flatnonzero(passes)}
    places = list(zip(embedded["file"].to_list(), embedded["entry"].to_list(), strict=True))
    assert places == list(kept)
    assert 0 < len(places) < 200
    expected = dict(zip(identity(predicted), ak.to_numpy(predicted["scores"]), strict=True))
    assert len(expected) == len(places)
    of_weaver = np.stack([expected[kept[place]] for place in places])
    np.testing.assert_allclose(ak.to_numpy(embedded["embedding"]), of_weaver, atol=1e-5)
    assert of_weaver.std(axis=0).min() > 1e-3


def test_columns_of_the_files_stand_beside_the_embeddings(tmp_path):
    write_toy_files(tmp_path / "test", jets_per_class=5, seed=2)
    trained(tmp_path)
    files = sorted((tmp_path / "test").iterdir())
    words = ("net_state.pt", *files, "--data-config", DATA_CONFIG, "-o", "out.parquet")
    done = hepjepa("embed", *words, "--columns", "jet_eta", "label_Hbb", "part_px", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = ak.from_parquet(tmp_path / "out.parquet")
    eta = []
    for path in files:
        with uproot.open(path) as file:
            eta += file["tree"]["jet_eta"].array(library="np").tolist()
    assert found.jet_eta.tolist() == eta
    assert sum(found.label_Hbb.tolist()) == 5
    assert ak.num(found.part_px).tolist()[:3] == [1, 2, 3]
    for column in ("jet_none", "entry"):
        refused = hepjepa("embed", *words, "--columns", column, cwd=tmp_path)
        assert refused.returncode == 1
        assert column in refused.stderr
