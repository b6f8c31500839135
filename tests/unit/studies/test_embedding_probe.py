import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.search.probes import probe


def test_separable_embeddings_are_told_apart_and_noise_is_not(tmp_path):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 2000)
    for name, embedding, low, high in (
        ("good", rng.normal(size=(2000, 8)) + 5 * np.eye(8)[label], 0.95, 1.0),
        ("noise", rng.normal(size=(2000, 8)), 0.15, 0.35),
    ):
        path = tmp_path / f"{name}.parquet"
        ak.to_parquet(ak.Array({"scores": embedding, "_label_": label}), path)
        assert low <= probe(path, 500) <= high
        assert probe(path, 500) == probe(path, 500)
    with pytest.raises(UserError, match="2000 jets"):
        probe(path, 2000)


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "no.parquet"
    path.write_text("nothing")
    with pytest.raises(UserError, match=r"no\.parquet"):
        probe(path, 10)
