"""The toy jets of ROOT files as parquet files, and as HDF5 files of weaver's layout."""

from pathlib import Path

import awkward as ak
import numpy as np
import tables
import uproot

SLOTS = 64


def as_parquet(source: Path, target: Path) -> None:
    jets = columns_of(source)
    ak.to_parquet(ak.zip(jets, depth_limit=1), target)


def as_hdf5(source: Path, target: Path) -> None:
    """An array for each column; particles in fixed arrays, filled up with zeros."""
    with tables.open_file(str(target), "w") as file:
        for name, column in columns_of(source).items():
            is_ragged = column.ndim == 2
            padded = ak.fill_none(ak.pad_none(column, SLOTS, clip=True), 0) if is_ragged else column
            file.create_array("/", name, np.asarray(padded))


def columns_of(path: Path) -> dict[str, ak.Array]:
    with uproot.open(path) as file:
        jets = file["tree"].arrays()
    return {name: jets[name] for name in jets.fields if not name.startswith("npart")}


def converted(folder: Path, ending: str, target: Path) -> Path:
    """The files of a folder in another format (.parquet or .h5), or links to them."""
    target.mkdir(parents=True)
    convert = {".parquet": as_parquet, ".h5": as_hdf5, ".root": lambda path, link: link.symlink_to(path)}[ending]
    for path in sorted(folder.glob("*.root")):
        convert(path, target / f"{path.stem}{ending}")
    return target
