"""Data configs for files of experiments: the same inputs with and without conversion."""

import awkward as ak
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.conversion.production import Settings, convert_all, plan_conversion
from hepjepa_weaver.conversion.request import Request
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.experiment_files import SAMPLES, known_jets, nanoaod_events, write_aspen, write_events
from tests.unit.conversion.test_other_layouts import jetclass2_table

JETS = known_jets(12)
FOLDER = REPOSITORY / "data_configs"


def read(paths, data_config):
    """All jets as weaver gives them to a network, with labels and observers."""
    prepare_weaver()
    files = {"_": sorted(map(str, paths))}
    dataset = SimpleIterDataset(files, str(FOLDER / data_config), for_training=False, fetch_step=1, name="test")
    ((inputs, labels, observers),) = list(DataLoader(dataset, batch_size=1000))
    return inputs, labels, observers


def converted(source, folder, layout):
    convert_all(plan_conversion([source], folder, Settings(layout, Request(), "", "parquet")), folder, 1)
    return folder.glob("*.parquet")


def by_pt(inputs):
    """Inputs with the particles of each jet by falling pT, and padding as zeros."""
    pt = torch.hypot(inputs["pf_vectors"][:, 0], inputs["pf_vectors"][:, 1]) * inputs["pf_mask"][:, 0]
    order = pt.argsort(dim=1, descending=True, stable=True)[:, None]
    is_real = inputs["pf_mask"].gather(2, order)
    return {name: group.gather(2, order.expand_as(group)) * is_real for name, group in inputs.items()}


def test_the_leading_jet_without_conversion_is_that_with_conversion(tmp_path):
    source = write_events(tmp_path / "nano.root", nanoaod_events(JETS))
    direct, _, observers = read([source], "CMS/nanoaod_leading.yaml")
    inputs, _, _ = read(converted(source, tmp_path / "jets", "nanoaod"), "CMS/unlabelled_kinpid.yaml")
    leading = by_pt({name: group[::3] for name, group in inputs.items()})
    for name, group in by_pt(direct).items():
        torch.testing.assert_close(group, leading[name], rtol=1e-4, atol=2e-4, msg=lambda text, n=name: f"{n}: {text}")
    np.testing.assert_allclose(observers["jet_nparticles"], ak.num(JETS.part_px)[::3] + 1, err_msg="one of pT 0")


def test_jetclass2_has_one_number_or_ten_classes(tmp_path):
    jets = jetclass2_table()
    jets["jet_label"] = np.array([0, 3, 4, 9, 11, 14, 15, 161, 187], np.int32)
    write_parquet([jets], tmp_path / "jets.parquet")
    _, labels, observers = read([tmp_path / "jets.parquet"], "JetClassII/JetClassII_full.yaml")
    assert (
        labels["class"].tolist() == observers.get("jet_label", labels["class"]).tolist() == jets["jet_label"].tolist()
    )
    _, labels, _ = read([tmp_path / "jets.parquet"], "JetClassII/JetClassII_coarse.yaml")
    assert next(iter(labels.values())).tolist() == [1, 4, 5, 6, 7, 8, 9, 0, 0]


def test_aspen_brings_its_event_numbers(tmp_path):
    source = write_aspen(tmp_path / "aspen.h5", JETS)
    inputs, _, observers = read(converted(source, tmp_path / "jets", "aspen"), "Aspen/aspen_full.yaml")
    assert inputs["pf_features"].shape == (12, 17, 128)
    assert observers["event"].tolist() == list(range(12))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs real files")
def test_jetclass2_is_read_with_and_without_conversion(tmp_path):
    source = SAMPLES / "JetClassII_example.parquet"
    direct, _, _ = read([source], "JetClassII/JetClassII_full.yaml")
    inputs, _, _ = read(converted(source, tmp_path / "jets", "jetclass2"), "JetClassII/JetClassII_full.yaml")
    for name, group in direct.items():
        torch.testing.assert_close(group, inputs[name], rtol=1e-5, atol=1e-5)
