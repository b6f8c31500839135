"""Wrong conversions are told, one by one; good jets are passed over."""

import awkward as ak
import numpy as np
import pytest
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.host.first_look import FirstLook
from hepjepa_weaver.host.odd_jets import odd_jets, seen
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.experiment_files import SAMPLES, known_jets
from tests.helpers.messages import names, naming
from tests.helpers.weaver_command import FINETUNE, PRETRAIN, refused, succeeded, weaver

PATH = REPOSITORY / "data_configs/CMS/unlabelled.yaml"
TRACKS = ("d0val", "d0err", "dzval", "dzerr")


def good_jets(number=150):
    """Toy jets, whose displaced tracks come from decays in flight."""
    jets = known_jets(number)
    displaced = (np.abs(jets.part_d0val) > 5 * jets.part_d0err) & (jets.part_d0err > 0)
    ahead = np.abs(jets.part_d0val) * np.sign(np.sin(jets.part_dphi))
    return changed(jets, part_d0val=ak.where(displaced, ahead, jets.part_d0val))


def changed(jets, **columns):
    columns = {name: ak.values_astype(values, "float32") for name, values in columns.items()}
    return ak.zip({**{name: jets[name] for name in jets.fields}, **columns}, depth_limit=1)


def loader_of(folder, jets):
    prepare_weaver()
    write_parquet([jets], folder / "jets.parquet")
    paths = {"_": [str(folder / "jets.parquet")]}
    dataset = SimpleIterDataset(paths, str(PATH), for_training=False, fetch_step=1, name="test")
    return DataLoader(dataset, batch_size=len(jets))


def found(folder, jets):
    loader = loader_of(folder, jets)
    ((inputs, _, _),) = list(loader)
    return list(odd_jets(seen(inputs, loader.dataset.config)))


def test_good_jets_are_passed_over(tmp_path):
    assert found(tmp_path, good_jets()) == []
    assert found(tmp_path, good_jets(2)) == []


JETS = good_jets()
NONE = JETS.part_d0err == 0
SHARED = ak.where(np.abs(JETS.part_d0val) < 0.05, -0.02, JETS.part_d0val) * (JETS.part_charge != 0)
WRONG = {
    "corrected": ({"jet_pt": JETS.jet_pt * 1.08}, ("0.926 of jet_pt", "corrections", "PUPPI")),
    "no_puppi": ({"jet_pt": JETS.jet_pt / 1.003}, ("1.003 of jet_pt", "PUPPI")),
    "cm": ({f"part_{name}": JETS[f"part_{name}"] / 10 for name in TRACKS}, ("part_d0err", "mm", "cm")),
    "sign": ({"part_d0val": -JETS.part_d0val}, ("d0", "sign", "CMS")),
    "no_track": ({f"part_{name}": ak.where(NONE, -1, JETS[f"part_{name}"]) for name in TRACKS},
                 ("part_d0", "neutral", "-0.76", "no track")),
    "shared": ({"part_d0val": SHARED}, ("part_d0", "-0.02", "charged")),
    "delphes": ({"part_dzval": (JETS.part_dzval + 54.6) * (JETS.part_charge != 0)}, ("part_dz", "vertex", "Delphes")),
    "two_types": ({"part_isChargedHadron": JETS.part_isChargedHadron + JETS.part_isMuon + JETS.part_isElectron},
                  ("part_isElectron", "leptons")),
    "no_types": ({"part_isNeutralHadron": JETS.part_isNeutralHadron * 0}, ("part_isNeutralHadron", "no type")),
    "constant": ({"part_dzerr": JETS.part_dzerr * 0 + 0.1}, ("part_dzerr", "same for all")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_and_nothing_else(tmp_path, name):
    columns, named = WRONG[name]
    (message,) = found(tmp_path, changed(JETS, **columns))
    assert names(message, *named)


def test_tracks_that_soft_particles_lack_are_no_mistake(tmp_path):
    """In jets of low pT, a third of the charged particles of CMS have none."""
    lost = ak.unflatten(np.arange(int(ak.sum(ak.num(JETS.part_px)))) % 3 == 0, ak.num(JETS.part_px))
    columns = {f"part_{name}": ak.where(lost, 0, JETS[f"part_{name}"]) for name in TRACKS}
    assert found(tmp_path, changed(JETS, **columns)) == []


def test_all_of_it_together_is_told(tmp_path):
    columns = {**WRONG["corrected"][0], **{name: -values for name, values in WRONG["cm"][0].items() if "val" in name}}
    columns |= {name: ak.where(NONE, -1, values) for name, values in WRONG["cm"][0].items()}
    columns["part_d0val"] = -columns["part_d0val"]
    assert len(found(tmp_path, changed(JETS, **columns))) >= 3


def test_particles_that_fill_all_slots_may_be_cut(tmp_path):
    """The sum of such a jet says nothing."""
    jets = known_jets(40)
    jets = jets[ak.num(jets.part_px) > 5]
    repeated = {name: ak.concatenate([jets[name]] * 30, axis=1) for name in jets.fields if jets[name].ndim == 2}
    messages = found(tmp_path, changed(jets, **repeated))
    assert not any("jet_pt" in message for message in messages)


def test_the_first_batch_stops_the_run_if_asked_to(tmp_path, caplog):
    wrong = changed(JETS, **WRONG["cm"][0])
    list(FirstLook(loader_of(tmp_path, wrong)))
    assert names(caplog.records[-1].getMessage(), "part_d0err", "cm")
    with pytest.raises(UserError, match=naming("part_d0err", "check_inputs warn")):
        list(FirstLook(loader_of(tmp_path, wrong), "error"))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["hepjepa_pretrain", "hepjepa_finetune"])
def test_the_option_reaches_training(tmp_path, network):
    for split in ("train", "val"):
        (tmp_path / split).mkdir()
        write_parquet([changed(JETS, **WRONG["cm"][0])], tmp_path / split / "jets.parquet")
    files = ("--data-train", "train/*.parquet", "--data-val", "val/*.parquet", "--model-prefix", "model/net")
    options = (*files, *(PRETRAIN if network == "hepjepa_pretrain" else (*FINETUNE, "-o", "from_scratch", "True")))
    config = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"
    assert names(succeeded(weaver(tmp_path, network, *options, data_config=config, split=None)), "part_d0err", "cm")
    error = refused(weaver(tmp_path, network, *options, "-o", "check_inputs", "error", data_config=config, split=None))
    assert names(error, "part_d0err", "check_inputs warn")


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs real files")
def test_a_real_file_of_jetclass2_is_passed_over(tmp_path):
    jets = ak.from_parquet(SAMPLES / "JetClassII_example.parquet")
    assert found(tmp_path, jets) == []
