"""Mixtures for weak supervision: exactly the jets that were asked for, each once, and labels of where they went."""

import shlex
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets.jet_files import kind_of
from tests.helpers.jet_files import converted
from tests.helpers.messages import names
from tests.helpers.toy_jets import write_toy_files

WORDS = "toys -o mixtures --cwola TTBar ZJetsToNuNu --signal-jets 7 --background-jets 20 --validation 4 --test 9"
NUMBERS = {"background_000": 6, "mixed_000": 13, "val/background_000": 4, "val/mixed_000": 4, "test/TTBar_000": 9,
           "test/ZJetsToNuNu_000": 9}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixtures")
    write_toy_files(folder / "toys", 40)
    return folder


def subset(folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    run_command(["subset", *shlex.split(words)])


def jets_of(path):
    return ak.concatenate(list(kind_of(path).read_all(path)))


def identity(jets):
    """What tells the toy jets apart."""
    return [tuple(row) for row in np.stack([jets.jet_pt, jets.jet_eta, jets.jet_phi], axis=1).tolist()]


@pytest.mark.parametrize("ending", [".root", ".parquet", ".h5"])
def test_mixtures_are_exactly_what_was_asked_for(folder, monkeypatch, ending):
    source = converted(folder / "toys", ending, folder / f"toys{ending[1:]}")
    output = folder / f"mixtures{ending[1:]}"
    subset(folder, monkeypatch, WORDS.replace("toys", str(source)).replace("-o mixtures", f"-o {output}"))
    found = {str(path.relative_to(output).with_suffix("")): jets_of(path) for path in output.rglob(f"*{ending}")}
    assert {name: len(jets) for name, jets in found.items()} == NUMBERS
    all_jets = [jet for jets in found.values() for jet in identity(jets)]
    assert len(set(all_jets)) == len(all_jets)
    for name, jets in found.items():
        is_mixed = "mixed" in name or "TTBar" in name
        assert set(ak.to_numpy(jets.cwola_mixed).tolist()) == {int(is_mixed)}
        for pair in (("cwola_mixed", "cwola_background"), ("label_Tbqq", "label_QCD")):
            assert {int(one) + int(other) for one, other in zip(*(jets[name] for name in pair), strict=True)} == {1}
    signal = {name: int(ak.sum(jets.label_Tbqq)) for name, jets in found.items()}
    assert signal["mixed_000"] + signal["val/mixed_000"] == 7
    assert signal["background_000"] + signal["val/background_000"] + signal["test/ZJetsToNuNu_000"] == 0
    assert signal["test/TTBar_000"] == 9


def test_jets_are_those_of_the_files(folder, monkeypatch):
    subset(folder, monkeypatch, WORDS)
    source = {jet: row for path in (folder / "toys").iterdir() for jets in [jets_of(path)]
              for jet, row in zip(identity(jets), jets, strict=True)}  # fmt: skip
    jets = jets_of(folder / "mixtures/mixed_000.root")
    for jet, row in zip(identity(jets), jets, strict=True):
        assert row.part_px.tolist() == source[jet].part_px.tolist()
        assert row.label_Tbqq == source[jet].label_Tbqq


def test_signal_jets_of_one_seed_are_nested_and_the_background_stays(folder, monkeypatch):
    words = WORDS.replace("-o mixtures", "-o 'nested/{signal}_{seed}'").replace("--validation 4", "")
    subset(folder, monkeypatch, words.replace("--signal-jets 7", "--signal-jets 3 7 --seed 0 1"))
    signal, background = {}, {}
    for path in (folder / "nested").iterdir():
        jets = jets_of(path / "mixed_000.root")
        is_signal = ak.to_numpy(jets.label_Tbqq) > 0
        signal[path.name], background[path.name] = (set(identity(jets[chosen])) for chosen in (is_signal, ~is_signal))
    assert signal["3_0"] < signal["7_0"]
    assert background["3_0"] == background["7_0"]
    assert signal["7_0"] != signal["7_1"]


def test_a_second_time_nothing_is_written(folder, monkeypatch, capsys):
    for _ in range(2):
        subset(folder, monkeypatch, WORDS)
    assert capsys.readouterr().out.splitlines()[-1] == "mixtures: 7 signal jets already there"
    with pytest.raises(UserError, match="another request"):
        subset(folder, monkeypatch, WORDS.replace("--signal-jets 7", "--signal-jets 8"))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("--signal-jets 7", "--signal-jets 0", ("--signal-jets", 0)),
        ("--signal-jets 7", "", ("--signal-jets", "--background-jets")),
        ("--signal-jets 7", "--signal-jets 35", ("TTBar", 40, 44)),
        ("--signal-jets 7", "--signal-jets 3 7", ("{signal}",)),
        ("--background-jets 20", "--background-jets 21", ("--background-jets", 21, "even")),
        ("--background-jets 20", "--background-jets 40", ("ZJetsToNuNu", 40, 49)),
        ("--validation 4", "--validation 10", ("--validation", 10)),
        ("--test 9", "--test -1", ("--test", -1)),
        ("TTBar Z", "Top Z", ("Top", "TTBar")),
        ("TTBar ZJetsToNuNu", "TTBar TTBar", ("TTBar", "signal and background")),
        ("-o mixtures", "-o toys", ("toys", "-o")),
        ("--cwola TTBar ZJetsToNuNu", "--labels-per-class 3", ("--signal-jets", "--cwola")),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_and_write_nothing(folder, monkeypatch, old, new, wanted):
    words = WORDS.replace("-o mixtures", "-o wrong").replace(old.replace("-o mixtures", "-o wrong"), new)
    with pytest.raises(UserError) as mistake:
        subset(folder, monkeypatch, words)
    assert names(str(mistake.value), *wanted)
    assert not Path(folder, "wrong").exists()


def test_mixtures_of_mixtures_are_refused(folder, monkeypatch):
    subset(folder, monkeypatch, WORDS)
    with pytest.raises(UserError, match="of a mixture already"):
        subset(folder, monkeypatch, "mixtures -o again --cwola mixed background --signal-jets 2 --background-jets 4")
