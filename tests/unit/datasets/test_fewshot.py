import hashlib
import json
import subprocess
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st
from weaver.utils.data.fileio import _read_files

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import parquet_files
from hepjepa_weaver.datasets.fewshot import HeldOut, choose_jets, make_fewshot
from hepjepa_weaver.datasets.pool import ClassJets, read_pool
from hepjepa_weaver.datasets.root_files import file_identity
from tests.helpers.hepjepa_command import HEPJEPA
from tests.helpers.messages import naming
from tests.helpers.numbered_jets import SIZES, write_jet_file

sizes = st.lists(st.integers(0, 50), min_size=1, max_size=6).filter(any)


def numbers(folder: Path, class_name: str) -> list[int]:
    with uproot.open(folder / f"{class_name}_000.root") as file:
        return file["tree"]["jet_number"].array().tolist()


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def chosen(jets: ClassJets, n_jets: int, seed: int, **held_out: int) -> dict[str, list[tuple[Path, int]]]:
    """Return (file, entry) of each chosen jet, in the order of files, by folder: ".", "val" and "test"."""
    choice = choose_jets(jets, n_jets, seed, HeldOut(**held_out))
    return {
        str(file.parent): [(path, entry) for path, entries in parts.items() for entry in entries.tolist()]
        for file, parts in choice.items()
    }


@given(sizes=sizes, seed=st.integers(0, 5), mixed=st.booleans(), data=st.data())
def test_choice_is_without_replacement_nested_and_apart_from_what_is_held_out(sizes, seed, mixed, data):
    """mixed: the files hold jets of other classes too, so that this one's entries are every third."""
    files = {Path(f"a_{index}.root"): size for index, size in enumerate(sizes)}
    jets = ClassJets("a", {path: 3 * np.arange(size) if mixed else size for path, size in files.items()})
    many = data.draw(st.integers(1, sum(sizes)))
    few = data.draw(st.integers(1, many))
    test = data.draw(st.integers(0, sum(sizes) - many))
    validation = data.draw(st.integers(0, sum(sizes) - many - test))
    larger, smaller = (chosen(jets, n, seed, validation=validation, test=test) for n in (many, few))
    counts = {".": many, "val": validation, "test": test}
    assert {folder: len(entries) for folder, entries in larger.items()} == {k: n for k, n in counts.items() if n}
    everything = [place for entries in larger.values() for place in entries]
    assert len(set(everything)) == many + validation + test
    step = 3 if mixed else 1
    assert all(entry % step == 0 and 0 <= entry // step < files[path] for path, entry in everything)
    for entries in larger.values():
        assert entries == sorted(entries)
    assert set(smaller["."]) <= set(larger["."])
    assert {**smaller, ".": []} == {**larger, ".": []}  # what is held out does not depend on the labels


def one_file(name: str, size: int, path: str = "a_0.root") -> ClassJets:
    return ClassJets(name, {Path(path): size})


def entries(jets: ClassJets, seed: int) -> list[int]:
    return [entry for _, entry in chosen(jets, 50, seed)["."]]


def test_choice_depends_on_seed_and_class_only():
    choice = entries(one_file("a", 1000), seed=0)
    assert entries(one_file("a", 1000), seed=0) == choice
    assert entries(one_file("a", 1000, "renamed.root"), seed=0) == choice
    assert entries(one_file("b", 1000), seed=0) != choice
    assert entries(one_file("a", 1000), seed=1) != choice


def test_every_jet_is_as_likely_as_any_other():
    counts = np.zeros(20)
    for seed in range(2000):
        counts[[entry for _, entry in chosen(one_file("a", 20), 5, seed)["."]]] += 1
    assert np.abs(counts - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_subset_has_the_chosen_jets_of_each_class(jet_directory, tmp_path):
    assert make_fewshot(read_pool([jet_directory]), tmp_path / "labels_20", 20, seed=0)
    manifest = json.loads((tmp_path / "labels_20" / "manifest.json").read_text())
    chosen_entries = manifest["chosen_entries"]
    first = dict(zip(SIZES, np.cumsum([0, *SIZES.values()]).tolist(), strict=False))
    for name in ("HToBB", "ZJetsToNuNu"):
        places = chosen_entries[f"{name}_000.root"].items()
        expected = [first[file.removesuffix(".root")] + entry for file, entries in places for entry in entries]
        assert numbers(tmp_path / "labels_20", name) == expected
        assert len(set(expected)) == 20
    assert len(chosen_entries["HToBB_000.root"]) == 3


def test_written_jets_are_unchanged_and_weaver_reads_them(jet_directory, tmp_path):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=3)
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
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=3)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["request"] == {
        "labels_per_class": 10,
        "seed": 3,
        "held_out": {"val": 0, "test": 0},
        "label": None,
        "source_files": {
            "HToBB": {"HToBB_000.root": 40, "HToBB_001.root": 30, "HToBB_010.root": 25},
            "ZJetsToNuNu": {"ZJetsToNuNu_000.root": 60},
        },
        "source_identities": {path.name: file_identity(path) for path in jet_directory.glob("*.root")},
    }
    assert manifest["counts"] == {"HToBB_000.root": 10, "ZJetsToNuNu_000.root": 10}
    assert set(manifest["sha256"]) == {"HToBB_000.root", "ZJetsToNuNu_000.root"}
    for file, checksum in manifest["sha256"].items():
        assert hashlib.sha256((tmp_path / "out" / file).read_bytes()).hexdigest() == checksum
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_smaller_subset_lies_in_the_larger(jet_directory, tmp_path):
    for n_jets in (5, 50):
        make_fewshot(read_pool([jet_directory]), tmp_path / str(n_jets), n_jets, seed=0)
    for name in ("HToBB", "ZJetsToNuNu"):
        assert set(numbers(tmp_path / "5", name)) < set(numbers(tmp_path / "50", name))


def test_all_jets_of_a_class_can_be_asked_for(jet_directory, tmp_path):
    n_jets = SIZES["ZJetsToNuNu_000"]
    make_fewshot(read_pool([jet_directory]), tmp_path / "all", n_jets, seed=0)
    assert len(set(numbers(tmp_path / "all", "ZJetsToNuNu"))) == n_jets


def test_second_run_changes_nothing(jet_directory, tmp_path):
    assert make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    before = snapshot(tmp_path / "out")
    assert not make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize(("n_jets", "seed", "differing"), [(11, 0, "labels_per_class"), (10, 1, "seed")])
def test_other_request_does_not_overwrite(jet_directory, tmp_path, n_jets, seed, differing):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    before = snapshot(tmp_path / "out")
    with pytest.raises(UserError, match=naming("manifest.json", differing)):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", n_jets, seed)
    assert snapshot(tmp_path / "out") == before


def test_a_subset_of_jets_that_were_made_anew_is_not_taken_for_theirs(jet_directory, tmp_path):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    write_jet_file(jet_directory / "HToBB_001.root", 30, first=5000)
    with pytest.raises(UserError, match=naming("source_identities")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)


def test_other_source_files_do_not_overwrite(jet_directory, tmp_path):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    write_jet_file(jet_directory / "HToBB_002.root", 5)
    with pytest.raises(UserError, match=naming("source_files")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"request": {}}', '{"request": 1, "sha256": 1}'])
def test_foreign_manifest_is_not_overwritten(jet_directory, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=naming("manifest.json")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_damaged_subset_is_noticed(jet_directory, tmp_path, damage):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    damage(tmp_path / "out" / "HToBB_000.root")
    with pytest.raises(UserError, match=naming("HToBB_000.root", tmp_path / "out")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)


def test_interrupted_run_is_done_again(jet_directory, tmp_path):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    wanted = numbers(tmp_path / "out", "HToBB")
    request = json.loads((tmp_path / "out" / "manifest.json").read_text())["request"]
    (tmp_path / "out" / "manifest.json").unlink()  # written last
    (tmp_path / "out" / "manifest.json.unfinished").write_text(json.dumps(request))
    (tmp_path / "out" / "HToBB_000.root").write_bytes(b"half")
    assert make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    assert numbers(tmp_path / "out", "HToBB") == wanted


@pytest.mark.parametrize("unfinished", [None, '{"labels_per_class": 11}'])
@pytest.mark.parametrize("name", ["HToBB_000.root", "other_003.root", "val/a.parquet"])
def test_files_of_the_user_are_not_overwritten(jet_directory, tmp_path, name, unfinished):
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_bytes(b"mine")
    if unfinished:
        (tmp_path / "out" / "manifest.json.unfinished").write_text(unfinished)
    with pytest.raises(UserError, match=naming("-o")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 10, seed=0)
    assert (tmp_path / "out" / name).read_bytes() == b"mine"
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_more_labels_than_jets(jet_directory, tmp_path):
    with pytest.raises(UserError, match=naming("ZJetsToNuNu", 60, 61)):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 61, seed=0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("n_jets", "seed"), [(0, 0), (-5, 0), (10, -1)])
def test_senseless_numbers(jet_directory, tmp_path, n_jets, seed):
    with pytest.raises(
        UserError, match="labels per class have to be 1 or more, the seed and the held-out jets 0 or more"
    ):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", n_jets, seed)


def test_source_files_are_never_overwritten(jet_directory):
    with pytest.raises(UserError, match="holds the source files"):
        make_fewshot(read_pool([jet_directory]), jet_directory / ".." / "jets", 10, seed=0)


def test_the_command(jet_directory, tmp_path):
    command = [*HEPJEPA, "subset", jet_directory.name, "-o", "labels_50"]
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
    assert too_many.stderr.startswith("error: class HToBB has 95 jets, fewer")
    assert too_many.stderr.count("\n") == 1


def test_held_out_jets_go_to_their_folders(jet_directory, tmp_path):
    make_fewshot(read_pool([jet_directory]), tmp_path / "out", 20, seed=0, held_out=HeldOut(validation=10, test=30))
    for name in ("HToBB", "ZJetsToNuNu"):
        folders = {folder: set(numbers(tmp_path / "out" / folder, name)) for folder in (".", "val", "test")}
        assert {folder: len(jets) for folder, jets in folders.items()} == {".": 20, "val": 10, "test": 30}
        assert len(set.union(*folders.values())) == 60
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["test/HToBB_000.root"] == 30
    assert not make_fewshot(read_pool([jet_directory]), tmp_path / "out", 20, 0, HeldOut(validation=10, test=30))


def test_held_out_jets_count_against_the_labels(jet_directory, tmp_path):
    with pytest.raises(UserError, match=naming("ZJetsToNuNu", 60, 61)):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 50, seed=0, held_out=HeldOut(test=11))


@pytest.fixture
def mixed_file(tmp_path: Path) -> Path:
    """A parquet file of several row groups with 60 jets of label 1 and 40 of label 0, numbered."""
    label = (np.arange(100) % 5 < 3).astype("float32")
    momentum = {
        f"jet_{name}": np.arange(100, dtype="float32") + i for i, name in enumerate(["pt", "eta", "phi", "energy"])
    }
    part = ak.Array([[float(k)] * (k % 4) for k in range(100)])
    jets = ak.zip({"label": label, "jet_number": np.arange(100), **momentum, "part_px": part}, depth_limit=1)
    ak.to_parquet(jets, tmp_path / "train_file.parquet", row_group_size=23)
    return tmp_path / "train_file.parquet"


def test_parquet_files_are_drawn_from_by_label(mixed_file, tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_files, "CHUNK", 7)
    make_fewshot(read_pool([mixed_file], "label"), tmp_path / "out", 20, seed=1, held_out=HeldOut(test=20))
    for value, name in enumerate(("label_0_000.parquet", "label_1_000.parquet")):
        parts = [ak.from_parquet(tmp_path / "out" / folder / name) for folder in (".", "test")]
        number = np.concatenate([jets["jet_number"] for jets in parts])
        assert len(set(number.tolist())) == 40
        for jets in parts:
            assert set(jets["label"].to_list()) == {value}
            assert jets["part_px"].to_list() == [[float(k)] * (k % 4) for k in jets["jet_number"].to_list()]
    source, copy = (pq.read_schema(path) for path in (mixed_file, tmp_path / "out" / "label_0_000.parquet"))
    assert copy.equals(source)
    assert (
        _read_files([str(tmp_path / "out" / "label_0_000.parquet")], ["part_px", "label"])["label"].to_list()
        == [0] * 20
    )


def test_root_files_are_drawn_from_by_label(jet_directory, tmp_path):
    pool = read_pool([jet_directory], "label_QCD")
    make_fewshot(pool, tmp_path / "out", 30, seed=0)
    n_signal = SIZES["HToBB_000"] + SIZES["HToBB_001"] + SIZES["HToBB_010"]
    assert [jets.total() for jets in pool.classes] == [n_signal, SIZES["ZJetsToNuNu_000"]]
    assert all(number < n_signal for number in numbers(tmp_path / "out", "label_QCD_0"))
    assert all(number >= n_signal for number in numbers(tmp_path / "out", "label_QCD_1"))


def test_jets_that_are_also_among_the_test_jets_are_refused(mixed_file, tmp_path):
    jets = ak.from_parquet(mixed_file)
    ak.to_parquet(jets[90:], tmp_path / "test_file.parquet")
    ak.to_parquet(ak.with_field(jets, jets["jet_phi"] + 0.001, "jet_phi"), tmp_path / "other_file.parquet")
    (tmp_path / "more").mkdir()
    ak.to_parquet(jets[:0], tmp_path / "more" / "other_file.parquet")
    others = [tmp_path / "other_file.parquet", tmp_path / "more"]
    pool = read_pool([mixed_file], "label")
    make_fewshot(pool, tmp_path / "fine", 40, seed=0, apart_from=others)
    with pytest.raises(UserError, match=naming("test_file.parquet", "--allow-common")):
        make_fewshot(pool, tmp_path / "out", 40, seed=0, apart_from=[tmp_path / "test_file.parquet"])
    assert not (tmp_path / "out").exists()


def test_a_subset_that_is_there_is_looked_at_all_the_same(mixed_file, tmp_path):
    pool = read_pool([mixed_file], "label")
    make_fewshot(pool, tmp_path / "out", 40, seed=0)
    with pytest.raises(UserError, match=r"jets of .* are among those for training"):
        make_fewshot(pool, tmp_path / "out", 40, seed=0, apart_from=[mixed_file])


def test_jets_of_one_class_make_no_subset(mixed_file, tmp_path):
    """As where the label column has not been named."""
    with pytest.raises(UserError, match=naming("one class", "--label")):
        make_fewshot(read_pool([mixed_file]), tmp_path / "out", 5, seed=0)
    assert not (tmp_path / "out").exists()


def test_a_column_of_particles_is_no_label(jet_directory):
    with pytest.raises(UserError, match=r"column part_\w+"):
        read_pool([jet_directory], "part_px")


def test_jets_that_a_data_set_holds_twice_can_be_allowed(mixed_file, tmp_path):
    pool = read_pool([mixed_file], "label")
    make_fewshot(pool, tmp_path / "few", 3, seed=0)
    others, n_common = [tmp_path / "few"], 6
    with pytest.raises(UserError, match="3 jets of"):
        make_fewshot(pool, tmp_path / "out", 40, seed=0, apart_from=others, allow_common=n_common - 1)
    assert make_fewshot(pool, tmp_path / "out", 40, seed=0, apart_from=others, allow_common=n_common)


def test_a_damaged_file_is_named_where_its_label_is_read(jet_directory, tmp_path):
    source = next(jet_directory.glob("*.root"))
    (tmp_path / source.name).write_bytes(source.read_bytes()[:2000])
    with pytest.raises(UserError, match=naming(source.name, "ROOT")):
        read_pool([tmp_path / source.name], "label_QCD")


def test_jets_that_cannot_be_told_apart_are_named(jet_directory, tmp_path):
    with pytest.raises(UserError, match=naming("HToBB_000.root", "jet_eta", "jet_pt")):
        make_fewshot(read_pool([jet_directory]), tmp_path / "out", 5, seed=0, apart_from=[jet_directory])


def test_fractions_are_shared_out_to_the_classes(mixed_file):
    pool = read_pool([mixed_file], "label")
    assert [pool.labels_for_fraction(fraction) for fraction in (0.02, 0.1, 0.8)] == [1, 5, 40]
    with pytest.raises(UserError, match=naming(0.001)):
        pool.labels_for_fraction(0.001)
    for fraction in (0, -0.1, 1.5):
        with pytest.raises(UserError, match="is not above 0 and at most 1"):
            pool.labels_for_fraction(fraction)


def test_the_command_makes_all_subsets_of_a_study(mixed_file, tmp_path):
    command = [*HEPJEPA, "subset", str(mixed_file), "--label", "label", "--seed", "0", "1"]
    command += ["--fraction", "0.1", "0.4", "--test", "5"]
    one_folder = subprocess.run(
        [*command, "-o", "few_{seed}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert one_folder.stderr == "error: -o few_{seed} is one directory for several subsets: put {labels} into it\n"
    made = subprocess.run(
        [*command, "-o", "few/{labels}_{seed}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert made.stdout.splitlines() == [
        f"few/{labels}_{seed}: {labels} jets per class written" for labels in (5, 20) for seed in (0, 1)
    ]
    assert sorted(path.name for path in (tmp_path / "few").iterdir()) == ["20_0", "20_1", "5_0", "5_1"]


def test_a_column_that_is_no_label_is_named(mixed_file, jet_directory):
    with pytest.raises(UserError, match=naming("train_file.parquet", "truth", "--label")):
        read_pool([mixed_file], "truth")
    with pytest.raises(UserError, match=naming("HToBB_000.root", "truth", "--label")):
        read_pool([jet_directory], "truth")


def test_the_command_names_a_folder_that_cannot_be_made(jet_directory, tmp_path):
    (tmp_path / "file").touch()
    command = [*HEPJEPA, "subset", str(jet_directory), "-o", "file/labels", "--labels-per-class", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: file/labels: Not a directory: check the path, its permissions and the space left\n"
