import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from weaver.utils.data.fileio import _read_files

from hepjepa_weaver.datasets.fewshot import choose_jets, make_fewshot
from hepjepa_weaver.datasets.jet_files import file_identity
from hepjepa_weaver.errors import UserError

from .conftest import SIZES, write_jet_file

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_fewshot.py"
sizes = st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any)


def numbers(folder: Path, class_name: str) -> list[int]:
    with uproot.open(folder / f"{class_name}_000.root") as file:
        return file["tree"]["jet_number"].array().tolist()


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@given(sizes=sizes, seed=st.integers(0, 5), data=st.data())
def test_choice_is_without_replacement_and_nested(sizes, seed, data):
    files = {f"a_{index}.root": size for index, size in enumerate(sizes)}
    many = data.draw(st.integers(1, sum(sizes)))
    few = data.draw(st.integers(1, many))
    larger, smaller = (choose_jets("a", files, n_jets, seed) for n_jets in (many, few))
    assert sum(len(entries) for entries in larger.values()) == many
    for file, entries in larger.items():
        assert (np.diff(entries) > 0).all()
        assert 0 <= entries[0] <= entries[-1] < files[file]
    for file, entries in smaller.items():
        assert set(entries) <= set(larger[file])


def test_choice_depends_on_seed_and_class_only():
    files = {"a_0.root": 1000}
    choice = choose_jets("a", files, 50, seed=0)["a_0.root"].tolist()
    assert choose_jets("a", files, 50, seed=0)["a_0.root"].tolist() == choice
    assert choose_jets("a", {"renamed.root": 1000}, 50, seed=0)["renamed.root"].tolist() == choice
    assert choose_jets("b", files, 50, seed=0)["a_0.root"].tolist() != choice
    assert choose_jets("a", files, 50, seed=1)["a_0.root"].tolist() != choice


def test_every_jet_is_as_likely_as_any_other():
    counts = np.zeros(20)
    for seed in range(2000):
        counts[choose_jets("a", {"a_0.root": 20}, 5, seed)["a_0.root"]] += 1
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_subset_has_the_chosen_jets_of_each_class(jet_directory, tmp_path):
    assert make_fewshot(jet_directory, tmp_path / "labels_20", 20, seed=0)
    manifest = json.loads((tmp_path / "labels_20" / "manifest.json").read_text())
    first = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]).tolist(), strict=False))
    for name in ("HToBB", "ZJetsToNuNu"):
        chosen = manifest["chosen_entries"][name]
        expected = [first[file.removesuffix(".root")] + entry for file, entries in chosen.items() for entry in entries]
        assert numbers(tmp_path / "labels_20", name) == expected
        assert len(set(expected)) == 20
    assert len(manifest["chosen_entries"]["HToBB"]) == 3


def test_written_jets_are_unchanged_and_weaver_reads_them(jet_directory, tmp_path):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=3)
    jets = _read_files([str(tmp_path / "out" / "HToBB_000.root")], ["part_px", "jet_pt", "jet_number", "label_QCD"])
    assert len(jets) == 10
    for jet in jets.tolist():
        number = jet["jet_number"]
        assert jet["part_px"] == [number + i for i in range(number % 4)]
        assert jet["jet_pt"] == 500 + number
        assert jet["label_QCD"] is False
    with uproot.open(jet_directory / "HToBB_000.root") as a, uproot.open(tmp_path / "out" / "HToBB_000.root") as b:
        assert a["tree"].typenames() == b["tree"].typenames()


def test_manifest(jet_directory, tmp_path):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=3)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["request"] == {
        "labels_per_class": 10,
        "seed": 3,
        "source_files": {
            "HToBB": {"HToBB_000.root": 40, "HToBB_001.root": 30, "HToBB_010.root": 25},
            "ZJetsToNuNu": {"ZJetsToNuNu_000.root": 60},
        },
        "source_uuids": {path.name: file_identity(path) for path in jet_directory.glob("*.root")},
    }
    assert manifest["counts"] == {"HToBB": 10, "ZJetsToNuNu": 10}
    assert set(manifest["sha256"]) == {"HToBB_000.root", "ZJetsToNuNu_000.root"}
    for file, checksum in manifest["sha256"].items():
        assert hashlib.sha256((tmp_path / "out" / file).read_bytes()).hexdigest() == checksum
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_smaller_subset_lies_in_the_larger(jet_directory, tmp_path):
    for n_jets in (5, 50):
        make_fewshot(jet_directory, tmp_path / str(n_jets), n_jets, seed=0)
    for name in ("HToBB", "ZJetsToNuNu"):
        assert set(numbers(tmp_path / "5", name)) < set(numbers(tmp_path / "50", name))


def test_all_jets_of_a_class_can_be_asked_for(jet_directory, tmp_path):
    (jet_directory / "ZJetsToNuNu_000.root").unlink()
    make_fewshot(jet_directory, tmp_path / "all", 95, seed=0)
    assert numbers(tmp_path / "all", "HToBB") == list(range(95))


def test_second_run_changes_nothing(jet_directory, tmp_path):
    assert make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    before = snapshot(tmp_path / "out")
    assert not make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize(("n_jets", "seed", "differing"), [(11, 0, "labels_per_class"), (10, 1, "seed")])
def test_other_request_does_not_overwrite(jet_directory, tmp_path, n_jets, seed, differing):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    before = snapshot(tmp_path / "out")
    with pytest.raises(UserError, match=rf"manifest\.json is of another request \(it differs in {differing}\)"):
        make_fewshot(jet_directory, tmp_path / "out", n_jets, seed)
    assert snapshot(tmp_path / "out") == before


def test_a_subset_of_jets_that_were_made_anew_is_not_taken_for_theirs(jet_directory, tmp_path):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    write_jet_file(jet_directory / "HToBB_001.root", 30, first=5000)
    with pytest.raises(UserError, match="it differs in source_uuids"):
        make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)


def test_other_source_files_do_not_overwrite(jet_directory, tmp_path):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    write_jet_file(jet_directory / "HToBB_002.root", 5)
    with pytest.raises(UserError, match="it differs in source_files"):
        make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"request": {}}', '{"request": 1, "sha256": 1}'])
def test_foreign_manifest_is_not_overwritten(jet_directory, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json is not a manifest of this script"):
        make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_damaged_subset_is_noticed(jet_directory, tmp_path, damage):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    damage(tmp_path / "out" / "HToBB_000.root")
    with pytest.raises(UserError, match=r"HToBB_000\.root is missing or not as written: delete .*out"):
        make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)


def test_interrupted_run_is_done_again(jet_directory, tmp_path):
    make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    wanted = numbers(tmp_path / "out", "HToBB")
    (tmp_path / "out" / "manifest.json").unlink()  # written last
    (tmp_path / "out" / "HToBB_000.root").write_bytes(b"half")
    assert make_fewshot(jet_directory, tmp_path / "out", 10, seed=0)
    assert numbers(tmp_path / "out", "HToBB") == wanted


def test_more_labels_than_jets(jet_directory, tmp_path):
    with pytest.raises(UserError, match=r"class ZJetsToNuNu has 60 jets in .*, fewer than the 61 asked for"):
        make_fewshot(jet_directory, tmp_path / "out", 61, seed=0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("n_jets", "seed"), [(0, 0), (-5, 0), (10, -1)])
def test_senseless_numbers(jet_directory, tmp_path, n_jets, seed):
    with pytest.raises(UserError, match="labels per class have to be 1 or more and the seed 0 or more"):
        make_fewshot(jet_directory, tmp_path / "out", n_jets, seed)


def test_source_files_are_never_overwritten(jet_directory):
    with pytest.raises(UserError, match="holds the source files"):
        make_fewshot(jet_directory, jet_directory / ".." / "jets", 10, seed=0)


def test_script(jet_directory, tmp_path):
    command = [sys.executable, "-W", "error", str(SCRIPT), jet_directory.name, "-o", "labels_50"]
    command += ["--labels-per-class", "50", "--seed", "0"]
    first, second = (
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == "labels_50: 50 jets per class written\n"
    assert second == "labels_50: 50 jets per class already there\n"
    too_many = subprocess.run(
        [*command, "--labels-per-class", "99"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert too_many.returncode == 1
    assert too_many.stderr.startswith("error: class HToBB has 95 jets in jets")
    assert too_many.stderr.count("\n") == 1
