"""The Top Quark Tagging Reference Dataset: from its HDF5 files to weaver's parquet.

The pandas table `table` has the columns E_i, PX_i, PY_i, PZ_i (GeV) for i = 0 … 199, zero padded. `is_signal_new` is 1
for top and 0 for QCD. [G. Kasieczka, T. Plehn, J. Thompson, M. Russel, Zenodo 2603256]
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from tqdm import tqdm

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_columns import jet_columns
from hepjepa_weaver.datasets.parquet_files import write_parquet
from hepjepa_weaver.datasets.published_set import converted_set
from hepjepa_weaver.datasets.records import Record

KEY, LABEL = "table", "is_signal_new"
AXES = {"energy": "E", "px": "PX", "py": "PY", "pz": "PZ"}
CHUNK = 20_000  # jets held at once, 130 MB


def convert(source: Path, target: Path, note: str = "") -> int:
    """Write the jets of the HDF5 file `source` to the parquet file `target` and return their number.

    Args:
        source: HDF5 file of the data set.
        target: parquet file.
        note: kept in the metadata of `target`.

    Raises:
        UserError: the file has another layout.
    """
    return write_parquet(_tables(source), target, note)


def _tables(source: Path) -> Iterator[Any]:
    pandas = _import_pandas()
    try:
        with pandas.HDFStore(source, "r") as store:
            n_jets = store.get_storer(KEY).nrows
            for start in tqdm(range(0, n_jets, CHUNK), desc=f"{source.name} →", unit=f"·{CHUNK} jets"):
                yield _jets(store.select(KEY, start=start, stop=start + CHUNK))
    except (OSError, KeyError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{source} is not an HDF5 file of the Top Landscape ({error}): download it again") from error


def _import_pandas() -> Any:
    """Import what reads HDF5 tables.

    Raises:
        UserError: the extra `hdf5` is missing.
    """
    try:
        import pandas  # noqa: PLC0415
        import tables  # noqa: F401, PLC0415  (pandas reads HDF5 by it)
    except ImportError as error:
        raise UserError(f"{error.name} is missing, which HDF5 needs: pip install 'hepjepa-weaver[hdf5]'") from error
    return pandas


def _jets(frame: Any) -> Any:
    """Return the jets of a piece of the table; a slot with energy above 0 is a particle."""
    n_slots = sum(name.startswith("E_") for name in frame.columns)
    padded = {axis: frame[[f"{stem}_{i}" for i in range(n_slots)]].to_numpy(np.float64) for axis, stem in AXES.items()}
    is_real = padded["energy"] > 0
    counts = is_real.sum(axis=1)
    momenta = ak.zip({axis: ak.unflatten(values[is_real], counts) for axis, values in padded.items()})
    return jet_columns(momenta, frame[LABEL].to_numpy())


def parquet_name(raw: str) -> str:
    """Return the name of weaver's file: train_file.parquet for train.h5."""
    return f"{Path(raw).stem}_file.parquet"


TOP_LANDSCAPE = converted_set(Record(2603256, ("train.h5", "val.h5", "test.h5")), convert, parquet_name, growth=3)
