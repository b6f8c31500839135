"""A directory of jets that are told apart by a number."""

from pathlib import Path

import pytest

from tests.helpers.numbered_jets import SIZES, write_jet_file


@pytest.fixture
def jet_directory(tmp_path: Path) -> Path:
    folder = tmp_path / "jets"
    folder.mkdir()
    first = 0
    for stem, n_jets in SIZES.items():
        write_jet_file(folder / f"{stem}.root", n_jets, first)
        first += n_jets
    return folder
