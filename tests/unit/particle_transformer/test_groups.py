import torch

from hepjepa_weaver.particle_transformer import groups as groups_module
from hepjepa_weaver.particle_transformer.groups import Group, groups_of

CPU = torch.device("cpu")


def test_groups_cover_all_jets_and_fit_their_limit(monkeypatch):
    monkeypatch.setattr(groups_module, "CPU_GROUP_FLOATS", 4 * 16 * 100)
    lengths = torch.tensor([120, 60, 50, 49, 1, 30, 0, 70])
    groups = groups_of(lengths, 16, CPU)
    assert [jet for group in groups for jet in range(group.start, group.stop)] == list(range(8))
    for group in groups:
        assert group.length == max(int(lengths[group.jets].max()), 1)
        assert group.stop - group.start == 1 or group.length * (group.stop - group.start) <= 100
    assert len(groups) < 8


def test_much_shorter_jets_start_a_group(monkeypatch):
    monkeypatch.setattr(groups_module, "CPU_GROUP_FLOATS", 4 * 16 * 400)
    groups = groups_of(torch.tensor([60, 50, 43, 41, 20, 19, 18, 10]), 16, CPU)
    assert groups == [Group(0, 3, 60), Group(3, 5, 41), Group(5, 8, 19)]  # 20 stays: one jet is too small a group


def test_a_gpu_takes_all_at_once():
    assert groups_of(torch.tensor([3, 9, 5]), 16, torch.device("cuda")) == [Group(0, 3, 9)]
