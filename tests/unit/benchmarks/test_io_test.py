from pathlib import Path

import pytest
from speed.io_test import measure_loader
from speed.tables import loader_line

from hepjepa_weaver.common.errors import UserError
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.toy_jets import write_toy_files

DATA_CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"


def test_no_batch(tmp_path):
    files = sorted(write_toy_files(tmp_path / "toy", jets_per_class=20).glob("*.root"))
    with pytest.raises(UserError, match="--batch-size"):
        measure_loader(DATA_CONFIG, files, batch_size=500, num_workers=0, fetch_step=1)


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
