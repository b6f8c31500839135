from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.ragged import LARGEST_SIGNED, as_ragged
from tests.helpers.messages import naming

RAGGED = ak.contents.ListOffsetArray
TABLE = [[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]


@pytest.fixture
def from_parquet(tmp_path: Path):
    """Write columns of arrow to a file and read them as weaver does."""

    def read(**columns: pa.Array) -> ak.Array:
        pq.write_table(pa.table(columns), tmp_path / "jets.parquet")
        return ak.from_parquet(tmp_path / "jets.parquet")

    return read


def lists(values: list, kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.list_(kind))


def described(column: ak.Array) -> tuple[str, list]:
    """Return the type of one entry and the values."""
    return str(column.type.content), column.to_list()


@pytest.mark.parametrize("kind", ["float32", "float64", "int32", "int64", "bool"])
def test_fixed_arrays_of_numpy_become_ragged(kind: str):
    array = np.array(TABLE, kind)
    column = as_ragged(ak.Array({"part_px": array}))["part_px"]
    assert isinstance(column.layout, RAGGED)
    assert described(column) == (f"var * {kind}", array.tolist())


def test_regular_arrays_of_awkward_become_ragged():
    table = ak.Array({"part_px": ak.to_regular(ak.Array(TABLE))})
    assert isinstance(table["part_px"].layout, ak.contents.RegularArray)
    column = as_ragged(table)["part_px"]
    assert isinstance(column.layout, RAGGED)
    assert described(column) == ("var * float64", TABLE)


def test_fixed_lists_of_parquet_become_ragged(from_parquet):
    table = from_parquet(part_px=pa.array(TABLE, pa.list_(pa.float32(), 3)))
    assert "3 * " in str(table["part_px"].type.content)
    column = as_ragged(table)["part_px"]
    assert isinstance(column.layout, RAGGED)
    assert described(column) == ("var * float32", TABLE)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_nulls_among_real_numbers_become_nan_and_null_lists_empty(from_parquet, kind: str):
    ragged, flat = [[1.0, None], None, [], [3.0]], [1.0, None, 3.0, 4.0]
    arrow = pa.from_numpy_dtype(kind)
    table = as_ragged(from_parquet(part_px=lists(ragged, arrow), jet_pt=pa.array(flat, arrow)))
    assert str(table["part_px"].type.content) == f"var * {kind}"
    assert ak.num(table["part_px"]).to_list() == [2, 0, 0, 1]
    assert np.array_equal(ak.to_numpy(ak.flatten(table["part_px"])), [1, np.nan, 3], equal_nan=True)
    assert str(table["jet_pt"].type.content) == kind
    assert np.array_equal(ak.to_numpy(table["jet_pt"]), [1, np.nan, 3, 4], equal_nan=True)


@pytest.mark.parametrize("kind", [pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint32()], ids=str)
def test_nulls_among_whole_numbers_become_0_and_null_lists_empty(from_parquet, kind: pa.DataType):
    table = as_ragged(from_parquet(part_id=lists([[11, None], None, [13]], kind), jet_id=pa.array([7, None, 9], kind)))
    assert table["part_id"].to_list() == [[11, 0], [], [13]]
    assert table["jet_id"].to_list() == [7, 0, 9]
    for column in (ak.flatten(table["part_id"]), table["jet_id"]):
        assert np.issubdtype(ak.to_numpy(column).dtype, np.integer)


def test_columns_that_could_hold_nulls_and_hold_none_keep_their_values(from_parquet):
    ragged, flat = [[11.0], [], [13.0, 22.0]], [1.0, 2.0, 3.0]
    table = from_parquet(part_px=lists(ragged, pa.float32()), jet_pt=pa.array(flat, pa.float32()))
    assert all("?" in str(table[name].type) for name in table.fields)
    table = as_ragged(table)
    assert described(table["part_px"]) == ("var * float32", ragged)
    assert described(table["jet_pt"]) == ("float32", flat)


def test_fixed_lists_with_nulls_lose_both(from_parquet):
    table = as_ragged(from_parquet(part_id=pa.array([[11, None], None, [13, 22]], pa.list_(pa.int64(), 2))))
    assert described(table["part_id"]) == ("var * int64", [[11, 0], [], [13, 22]])


def test_half_precision_becomes_single_precision(from_parquet):
    flat, ragged = np.array([0.5, 1.25, -3], np.float16), [[0.5], [], [1.25, -3]]
    halves = lists([[np.float16(value) for value in jet] for jet in ragged], pa.float16())
    table = as_ragged(from_parquet(jet_pt=pa.array(flat), part_px=halves))
    assert described(table["jet_pt"]) == ("float32", flat.tolist())
    assert described(table["part_px"]) == ("var * float32", ragged)
    fixed = as_ragged(ak.Array({"part_px": flat.reshape(1, 3)}))["part_px"]
    assert described(fixed) == ("var * float32", [flat.tolist()])


def test_large_unsigned_numbers_become_signed_ones_of_equal_value(from_parquet):
    """Nothing goes through real numbers on the way: those hold no odd number above 2⁵³."""
    values = [0, 2**53 + 1, LARGEST_SIGNED]
    ragged = [values[:1], [], values[1:]]
    table = as_ragged(from_parquet(jet_id=pa.array(values, pa.uint64()), part_id=lists(ragged, pa.uint64())))
    assert described(table["jet_id"]) == ("int64", values)
    assert described(table["part_id"]) == ("var * int64", ragged)
    fixed = as_ragged(ak.Array({"part_id": np.array([values], np.uint64)}))["part_id"]
    assert described(fixed) == ("var * int64", [values])


def test_large_unsigned_numbers_stay_exact_beside_nulls(from_parquet):
    columns = {
        "jet_id": pa.array([None, 2**53 + 1], pa.uint64()),
        "part_id": lists([[None, 2**53 + 1], None], pa.uint64()),
    }
    table = as_ragged(from_parquet(**columns))
    assert described(table["jet_id"]) == ("int64", [0, 2**53 + 1])
    assert described(table["part_id"]) == ("var * int64", [[0, 2**53 + 1], []])


def test_a_column_of_unsigned_numbers_without_any_number_is_no_error(from_parquet):
    column = as_ragged(from_parquet(part_id=lists([[], []], pa.uint64())))["part_id"]
    assert described(column) == ("var * int64", [[], []])


@pytest.mark.parametrize("beside", [[1], [None]], ids=["numbers", "nulls"])
def test_unsigned_numbers_too_large_for_signed_ones_are_named(from_parquet, beside: list):
    too_large = LARGEST_SIGNED + 1
    for column in (pa.array([*beside, too_large], pa.uint64()), lists([[], [*beside, too_large]], pa.uint64())):
        with pytest.raises(UserError, match=naming("part_hash", too_large)):
            as_ragged(from_parquet(part_hash=column, jet_pt=pa.array([1.0, 2.0])))


def test_flags_stay_flags(from_parquet):
    ragged = [[True], [], [False, True]]
    table = from_parquet(part_isMuon=lists(ragged, pa.bool_()), label_QCD=pa.array([True, False, True]))
    table = as_ragged(table)
    assert described(table["part_isMuon"]) == ("var * bool", ragged)
    assert described(table["label_QCD"]) == ("bool", [True, False, True])


@pytest.mark.parametrize("jets", [slice(2, None), slice(1, 3), slice(0, 2)])
def test_a_slice_of_a_longer_table_is_packed(jets: slice):
    """Weaver reads the memory of a column: it has to begin with the first jet and hold no others."""
    ragged, number = [[1.0], [2.0, 3.0], [4.0], [5.0, 6.0]], [0, 1, 2, 3]
    sliced = ak.Array({"part_px": ragged, "jet_number": number})[jets]
    layout = sliced["part_px"].layout
    assert (layout.offsets[0], layout.offsets[-1]) != (0, len(layout.content))
    table = as_ragged(sliced)
    layout = table["part_px"].layout
    assert layout.offsets[0] == 0
    assert layout.offsets[-1] == len(layout.content)
    assert table["part_px"].to_list() == ragged[jets]
    assert table["jet_number"].to_list() == number[jets]


def test_jets_in_another_order_are_packed():
    ragged = [[1.0], [2.0, 3.0], [4.0], [5.0, 6.0]]
    column = as_ragged(ak.Array({"part_px": ragged})[[3, 0, 1]])["part_px"]
    assert isinstance(column.layout, RAGGED)
    assert column.layout.content.data.tolist() == [5, 6, 1, 2, 3]
    assert column.to_list() == [ragged[3], ragged[0], ragged[1]]


def test_columns_that_are_to_stay_keep_their_fixed_arrays():
    array = np.array(TABLE)
    table = as_ragged(ak.Array({"jet_axes": array, "part_px": array}), as_they_are=["jet_axes"])
    assert described(table["jet_axes"]) == ("3 * float64", TABLE)
    assert described(table["part_px"]) == ("var * float64", TABLE)


def test_fixed_lists_of_parquet_that_are_to_stay_lose_their_nulls(from_parquet):
    axes = [[1.0, 2.0], [3.0, None]]
    table = as_ragged(from_parquet(jet_axes=pa.array(axes, pa.list_(pa.float32(), 2))), as_they_are=["jet_axes"])
    assert str(table["jet_axes"].type.content) == "2 * float32"
    assert np.array_equal(ak.to_numpy(table["jet_axes"]), [[1, 2], [3, np.nan]], equal_nan=True)


def test_plain_columns_are_not_copied():
    source = ak.Array({"jet_pt": np.arange(2.0), "part_px": [[1.0], [2.0, 3.0]], "part_py": np.ones((2, 3))})
    before = {name: source[name].layout for name in source.fields}
    table = as_ragged(source)
    assert table["jet_pt"].layout is before["jet_pt"]
    assert table["part_px"].layout is before["part_px"]
    assert table["part_py"].layout is not before["part_py"]


def test_the_order_and_names_of_columns_stay():
    names = ["part_py", "jet_pt", "part_px"]
    table = ak.Array({name: np.ones(2) if name == "jet_pt" else np.ones((2, 3)) for name in names})
    assert as_ragged(table).fields == names


def test_columns_without_numbers_stay_for_weaver_to_name_them(from_parquet):
    table = as_ragged(from_parquet(name=pa.array(["a", "bc"]), names=lists([["a"], []], pa.string())))
    assert table["name"].to_list() == ["a", "bc"]
    assert table["names"].to_list() == [["a"], []]


def test_a_table_without_jets_stays_empty(from_parquet):
    columns = {"part_px": lists([], pa.float32()), "jet_pt": pa.array([], pa.float32())}
    for table in (from_parquet(**columns), ak.Array({"part_px": np.zeros((0, 3), "float32"), "jet_pt": np.zeros(0)})):
        column = as_ragged(table)["part_px"]
        assert described(column) == ("var * float32", [])
