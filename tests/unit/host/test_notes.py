import multiprocessing

import pytest

from hepjepa_weaver.host.notes import Notes

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def write_some(notes, first, number, **values):
    for place in range(first, first + number):
        notes.write("jets", place=place, **values)


def in_children(*works):
    """Call each function with its arguments in a forked process of its own, all at once."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=arguments) for work, *arguments in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * len(works)


def places(notes, **wanted):
    return [note["place"] for note in notes.take("jets", **wanted)]


def test_notes_of_a_forked_child_are_read_once_by_the_parent():
    notes = Notes()
    in_children((write_some, notes, 0, 3))
    assert places(notes) == [0, 1, 2]
    assert places(notes) == []
    in_children((write_some, notes, 3, 2))
    assert places(notes) == [3, 4]


def test_a_note_holds_what_was_written():
    notes = Notes()
    values = {"path": "ä/b c\n.root", "start": 0.25, "has_jets": False, "number": 3, "nothing": None}
    notes.write("failed", **values)
    assert list(notes.take("failed")) == [{"kind": "failed", **values}]


def test_notes_of_the_parent_and_of_several_children_all_arrive_whole():
    notes = Notes()
    write_some(notes, 0, 1)
    in_children(*((write_notes_of_all_lengths, notes, 1000 * child) for child in (1, 2, 3)))
    write_some(notes, 1, 1)
    found = list(notes.take("jets"))
    assert all(len(note.get("text", "")) == note["place"] % 1000 for note in found[1:-1])
    assert sorted(note["place"] for note in found) == [0, 1, *(1000 * c + n for c in (1, 2, 3) for n in range(200))]


def write_notes_of_all_lengths(notes, first):
    for place in range(first, first + 200):
        notes.write("jets", place=place, text="x" * (place % 1000))


def test_only_notes_of_the_kind_and_with_the_values_are_taken():
    notes = Notes()
    for use in ("train", "val"):
        for path in ("a", "b"):
            notes.write("failed", use=use, path=path)
    notes.write("tidied", use="train")
    assert [note["path"] for note in notes.take("failed", use=["val"], path={"b", "c"})] == ["b"]
    assert [note["path"] for note in notes.take("failed", use=["val"])] == ["a"]
    assert [note["path"] for note in notes.take("failed")] == ["a", "b"]
    assert [note["use"] for note in notes.take("tidied")] == ["train"]
    assert list(notes.take("failed")) == list(notes.take("tidied")) == []


def test_notes_that_are_not_wanted_yet_stay_for_later():
    notes = Notes()
    in_children((write_some, notes, 0, 2))
    assert list(notes.take("failed")) == []
    in_children((write_some, notes, 2, 1))
    assert places(notes, place=range(1, 9)) == [1, 2]
    assert places(notes) == [0]


def test_equal_notes_all_count():
    notes = Notes()
    write_some(notes, 5, 1)
    write_some(notes, 5, 1)
    assert places(notes) == [5, 5]
    assert places(notes) == []


def test_a_child_does_not_take_the_notes_away_from_the_parent():
    notes = Notes()
    write_some(notes, 0, 2)
    in_children((places, notes))
    assert places(notes) == [0, 1]
