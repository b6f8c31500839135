import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.studies.embedding_probe import main, probe, read_probe


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


def test_the_command_writes_what_is_read(tmp_path, monkeypatch):
    label = np.arange(60) % 3
    ak.to_parquet(ak.Array({"scores": np.eye(3)[label], "_label_": label}), tmp_path / "e.parquet")
    words = [str(tmp_path / "e.parquet"), "--labels", "30", "-o", str(tmp_path / "p.json")]
    monkeypatch.setattr("sys.argv", ["probe", *words])
    main()
    assert read_probe(tmp_path / "p.json") == 1
    (tmp_path / "p.json").write_text("{}")
    with pytest.raises(UserError, match=r"p\.json"):
        read_probe(tmp_path / "p.json")
