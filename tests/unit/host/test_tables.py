import awkward as ak
import numpy as np
import pytest
from weaver.utils.data.config import DataConfig

from hepjepa_weaver.host.tables import Tidied, leave_out_empty, tidy_particles

LENGTH, NUM_VERTICES = 4, 2


def group(length, *names):
    return {"length": length, "pad_mode": "constant", "vars": [[name, None] for name in names]}


def config(**inputs):
    """Jets of four particles, without labels."""
    particles = {
        "pf_features": group(LENGTH, "part_charge", "part_px"),
        "pf_vectors": group(LENGTH, "part_px", "part_py", "part_pz", "part_energy"),
        "pf_mask": group(LENGTH, "part_mask"),
    }
    return DataConfig(print_info=False, inputs={**particles, **inputs}, labels={"type": "custom", "value": {}})


VERTICES = {
    "sv_features": group(NUM_VERTICES, "sv_ntracks"),
    "sv_vectors": group(NUM_VERTICES, "sv_px", "sv_py", "sv_pz", "sv_energy"),
}


def jets_of(pt, prefix="part", **columns):
    """Jets with these pT, every second particle along y; the charge, or number of tracks, is the place in the jet."""
    pt = ak.values_astype(ak.Array([*pt, [1.0]]), "float32")[:-1]
    is_odd = ak.local_index(pt) % 2 == 1
    place = ak.values_astype(ak.local_index(pt), "int32")
    momenta = {"px": ak.where(is_odd, 0, pt), "py": ak.where(is_odd, pt, 0), "pz": 2 * pt, "energy": 3 * pt}
    name = {"part": "charge", "sv": "ntracks"}[prefix]
    table = {f"{prefix}_{key}": column for key, column in {**momenta, "mask": ak.ones_like(pt), name: place}.items()}
    return ak.Array({**table, **columns})


def joined(first, second):
    return ak.Array({name: table[name] for table in (first, second) for name in table.fields})


def test_slots_without_momentum_vanish_from_every_column_of_the_particles():
    table = jets_of([[5, 0, 3], [0, 0], [7], []], jet_pt=[8.0, 0.0, 7.0, 0.0])
    assert tidy_particles(table, config()) == Tidied(num_empty=3)
    assert table["part_charge"].to_list() == [[0, 2], [], [0], []]
    assert table["part_px"].to_list() == [[5, 3], [], [7], []]
    assert table["part_pz"].to_list() == [[10, 6], [], [14], []]
    assert table["part_energy"].to_list() == [[15, 9], [], [21], []]
    assert table["part_mask"].to_list() == [[1, 1], [], [1], []]
    assert table["jet_pt"].to_list() == [8.0, 0.0, 7.0, 0.0]


def test_a_slot_with_one_component_of_momentum_is_a_particle():
    table = jets_of([[5, 4, 3, 2]])
    assert tidy_particles(table, config()) == Tidied()
    assert table["part_charge"].to_list() == [[0, 1, 2, 3]]


def test_columns_that_are_no_input_of_the_particles_stay():
    other = [[1, 2], [3, 4], [5]]
    table = jets_of([[5, 0], [0, 3], [0]], other_charge=other)
    tidy_particles(table, config())
    assert table["other_charge"].to_list() == other
    assert table["part_charge"].to_list() == [[0], [1], []]


def test_a_jet_that_is_too_long_keeps_its_particles_of_highest_pt_in_falling_order():
    table = jets_of([[1, 2, 3, 40, 5, 60], [1, 2, 3, 4], [3, 9], []])
    found = tidy_particles(table, config())
    assert (found.num_empty, found.num_sorted, found.length) == (0, 1, LENGTH)
    assert table["part_charge"].to_list()[0] == [5, 3, 4, 2, 1, 0]
    assert table["part_charge"].to_list()[1:] == [[0, 1, 2, 3], [0, 1], []]
    assert table["part_energy"].to_list()[0][:LENGTH] == [180, 120, 15, 9]
    assert table["part_energy"].to_list()[1:] == [[3, 6, 9, 12], [9, 27], []]


def test_the_lost_fraction_of_pt_is_that_of_the_jets_that_are_sorted():
    lost, kept = 1 + 2 + 3, 40 + 60 + 5 + 7 + 9 + 9 + 8 + 7
    table = jets_of([[1, 2, 40, 5, 60, 7], [9, 8, 7, 9, 3], [9, 8, 7, 6, 5], [1, 2]])
    found = tidy_particles(table, config())
    assert found.num_sorted == 2
    assert found.lost == pytest.approx(lost / (lost + kept), rel=1e-6)


def test_jets_in_falling_order_are_not_counted_as_sorted():
    falling = [[9, 8, 7, 6, 5, 4], [5, 5, 5, 5, 5], [9, 8, 8, 7, 7], [9, 8, 7, 6, 1, 2]]
    table = jets_of(falling)
    assert tidy_particles(table, config()) == Tidied()
    assert table["part_charge"].to_list() == [list(range(len(jet))) for jet in falling]


def test_empty_slots_are_left_out_before_particles_are_counted():
    table = jets_of([[1, 0, 2, 0, 3, 4], [1, 0, 2, 3, 4, 5]])
    found = tidy_particles(table, config())
    assert (found.num_empty, found.num_sorted) == (3, 1)
    assert table["part_charge"].to_list() == [[0, 2, 4, 5], [5, 4, 3, 2, 0]]
    assert found.lost == pytest.approx(1 / 15, rel=1e-6)


def test_secondary_vertices_are_treated_alike():
    table = joined(jets_of([[5, 0, 3], [2]]), jets_of([[1, 0, 2, 4], [3, 1, 2]], prefix="sv"))
    found = tidy_particles(table, config(**VERTICES))
    assert table["part_charge"].to_list() == [[0, 2], [0]]
    assert table["sv_ntracks"].to_list() == [[3, 2, 0], [0, 2, 1]]
    assert table["sv_energy"].to_list() == [[12, 6, 3], [9, 6, 3]]
    assert (found.num_empty, found.num_sorted, found.length) == (2, 2, NUM_VERTICES)  # one slot of each kind
    assert found.lost == pytest.approx(2 / 13, rel=1e-6)


def test_the_vertices_of_a_jet_do_not_touch_its_particles():
    table = joined(jets_of([[1, 2], [3, 4]]), jets_of([[0, 1], [1, 0]], prefix="sv"))
    assert tidy_particles(table, config(**VERTICES)) == Tidied(num_empty=2)
    assert table["part_charge"].to_list() == [[0, 1], [0, 1]]
    assert table["sv_ntracks"].to_list() == [[1], [0]]


def test_no_jet_is_no_error():
    table = jets_of([[5, 0], [1, 2, 3, 4, 5]])[:0]
    assert tidy_particles(table, config()) == Tidied()
    assert len(table["part_charge"]) == 0


def test_sorted_columns_can_be_padded_by_weaver():
    """Weaver reads the memory of a column: it has to begin with the first jet and hold no others."""
    table = jets_of([[9], [1, 2, 3, 40, 5, 60], [0, 7]])[1:]
    tidy_particles(table, config())
    for name in ("part_charge", "part_px"):
        layout = table[name].layout
        assert layout.offsets[0] == 0
        assert np.array_equal(np.asarray(layout.content.data), ak.to_numpy(ak.flatten(table[name])))


# --- as read, before anything is computed ---


def test_slots_without_momentum_vanish_from_columns_that_others_are_computed_from():
    table = jets_of([[5, 0, 3], [0, 0], []], part_d0val=[[1, 2, 3], [4, 5], []], jet_pt=[8.0, 0.0, 0.0])
    assert leave_out_empty(table, config()) == 3
    assert table["part_d0val"].to_list() == [[1, 3], [], []]
    assert table["part_px"].to_list() == [[5, 3], [], []]
    assert table["jet_pt"].to_list() == [8.0, 0.0, 0.0]
    assert tidy_particles(table, config()) == Tidied()


def test_particles_and_vertices_in_equally_many_slots_are_not_mixed_up():
    """As in fixed arrays, and in a jet that has as many vertices as particles."""
    table = joined(jets_of([[0, 5, 3]]), jets_of([[7, 6, 0]], prefix="sv", sv_chi2=[[1, 2, 3]]))
    assert leave_out_empty(table, config(**VERTICES)) == 2
    assert table["part_charge"].to_list() == [[1, 2]]
    assert table["sv_ntracks"].to_list() == [[0, 1]]
    assert table["sv_energy"].to_list() == [[21, 18]]
    assert table["sv_chi2"].to_list() == [[1, 2]]


def test_momenta_that_are_still_to_be_computed_are_left_for_later():
    table = jets_of([[5, 0, 3]])
    without = table[[name for name in table.fields if name != "part_px"]]
    assert leave_out_empty(without, config()) == 0
    assert without["part_charge"].to_list() == [[0, 1, 2]]
