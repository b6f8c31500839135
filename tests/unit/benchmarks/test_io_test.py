from pathlib import Path

import pytest
from speed.io_test import measure_loader, read_rate
from speed.tables import loader_line

from hepjepa_weaver.common.errors import UserError
from tests.helpers.networks import REPOSITORY
from tests.helpers.toy_jets import write_toy_files

DATA_CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ("0it [00:00, ?it/s]\r1it [00:02,  2.24s/it]\r60it [00:02, 26.71it/s]\n", (60, 26.71)),
        ("3it [00:12,  4.00s/it]\n", (3, 0.25)),
        (" 50%|#  | 2/4 [1:00:00<1:00:00,  1.00it/s]\r100%|###| 4/4 [1:00:02<00:00,  2.00it/s]\n", (4, 2.0)),
    ],
)
def test_the_rate_is_the_last_one_shown(progress, expected):
    assert read_rate(progress) == pytest.approx(expected)


def test_no_batch():
    with pytest.raises(UserError, match="read no batch"):
        read_rate("0it [00:00, ?it/s]\n")


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match="no data config"):
        measure_loader(tmp_path / "none.yaml", [], 10, 1, 1)
    with pytest.raises(UserError, match="cannot be read"):
        measure_loader(DATA_CONFIG, [tmp_path / "none.root"], 10, 1, 1)


@pytest.mark.slow
def test_weavers_loader_is_measured(tmp_path):
    files = sorted(write_toy_files(tmp_path / "toy", jets_per_class=20).glob("*.root"))
    before = set(Path.cwd().iterdir())
    speed = measure_loader(DATA_CONFIG, files, batch_size=50, num_workers=1, fetch_step=1)
    assert speed.batches == 4
    assert speed.rate > 0
    assert "over 4 batches of 50 jets" in loader_line(speed)
    assert set(Path.cwd().iterdir()) == before
