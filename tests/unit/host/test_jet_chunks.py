"""Jets of a file, chunk by chunk: each once."""

import numpy as np
import pytest

from hepjepa_weaver.host import jet_chunks
from hepjepa_weaver.host.jet_chunks import jets_of_file, load_data_config
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.toy_jets import write_toy_files


@pytest.mark.parametrize("at_once", [None, 5, 97, 1000])
def test_chunks_end_at_whole_entries(tmp_path, monkeypatch, at_once):
    """Weaver takes shares of a file; sizes that no binary fraction gives must lose and repeat no jet."""
    monkeypatch.setattr(jet_chunks, "CHUNK", 7)
    (path, *_) = sorted(write_toy_files(tmp_path / "jets", jets_per_class=97).iterdir())
    config = load_data_config(REPOSITORY / "data_configs/JetClass/JetClass_full.yaml")
    chunks = list(jets_of_file(path, config, at_once))
    assert len(chunks[0].entry) == min(at_once or 7, 97)
    assert np.concatenate([chunk.entry for chunk in chunks]).tolist() == list(range(97))
