import pytest

from hepjepa_weaver.batch.columns import Column
from tests.helpers.data_configs import COLUMNS


def test_columns_have_the_standardisation_of_the_data_config():
    columns = COLUMNS["full"].columns
    assert len(columns) == 17
    assert columns[0] == Column("part_pt_log", 1.7, 0.7, -5, 5)
    assert columns[12] == Column("part_d0err", 0, 1, 0, 1)
    assert columns[16] == Column("part_dphi")


@pytest.mark.parametrize(("features", "identity", "displacement"), [("kin", 0, 0), ("kinpid", 6, 0), ("full", 6, 4)])
def test_groups_of_features(features, identity, displacement):
    columns = COLUMNS[features]
    assert len(columns.identity) == identity
    assert len(columns.displacement) == displacement
    assert sorted(columns.identity + columns.continuous) == list(range(len(columns.columns)))
