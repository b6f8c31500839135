"""`hepjepa generate`, by its words."""

import shlex
import signal
import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.fidelity.particles import read_particles
from hepjepa_weaver.generation.generator import load_generator
from hepjepa_weaver.generation.prompts import read_prompts
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names
from tests.helpers.networks import small_config, small_jepa
from tests.helpers.tokens import model_options, moved, saved, small_model, small_tokenizer
from tests.helpers.toy_jets import LABELS, write_toy_files
from tests.helpers.waiting import wait_until

CONFIGS = REPOSITORY / "data_configs/JetClass"


def new_model(path, classes=0, encoding="unconditional", **options):
    model = small_model(small_tokenizer("kin", encoding=encoding), "kin", classes=classes, longest=20, **options)
    config = model_options(longest=20, class_condition=bool(classes), **options)
    return saved(moved(model, "kin"), config, path, "kin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generate")
    new_model(folder / "ids.pt", backbone="ids")
    new_model(folder / "classes.pt", classes=10)
    new_model(folder / "conditional.pt", backbone="ids", encoding="conditional")
    saved(small_jepa(), small_config(), folder / "jepa.pt")
    untold = small_model(small_tokenizer("kin"), "kin", backbone="ids", jet_totals="given")
    saved(untold, model_options(backbone="ids", jet_totals="given"), folder / "untold.pt", "kin")
    (folder / "folder.root").mkdir()
    write_toy_files(folder / "toys", 5)
    return folder


def generate(folder, monkeypatch, capsys, words):
    """The last line of what is printed."""
    monkeypatch.chdir(folder)
    run_command(["generate", *shlex.split(words)])
    return capsys.readouterr().out.strip().splitlines()[-1]


@pytest.mark.parametrize("model", ["ids", "classes", "conditional"])
def test_it_writes_as_many_jets_as_asked_for(folder, monkeypatch, capsys, model):
    line = generate(folder, monkeypatch, capsys, f"{model}.pt -n 23 -o out/{model}.root --batch-size 10")
    jets = read_particles([folder / f"out/{model}.root"])
    assert names(line, f"out/{model}.root", "23 jets", int((jets.counts == 20).sum()), 20)
    assert len(jets) == 23
    assert jets.counts.min() >= 1
    assert jets.counts.max() <= 20
    wanted = [number % 10 for number in range(23)] if model == "classes" else [-1] * 23
    assert jets.label.tolist() == wanted


def test_a_class_is_asked_for_by_its_name(folder, monkeypatch, capsys):
    generate(folder, monkeypatch, capsys, "classes.pt -n 4 -o tops.root --label label_Tbqq")
    jets = read_particles([folder / "tops.root"])
    assert [jets.label_names[label] for label in jets.label] == ["Tbqq"] * 4


def test_the_seed_repeats_the_jets(folder, monkeypatch, capsys):
    found = []
    for seed in (3, 3, 4):
        generate(folder, monkeypatch, capsys, f"ids.pt -n 8 -o seed.root --seed {seed}")
        found.append(read_particles([folder / "seed.root"]).pt)
    np.testing.assert_array_equal(found[0], found[1])
    assert len(found[0]) != len(found[2]) or (found[0] != found[2]).any()


def test_prompts_are_the_leading_particles_of_real_jets(folder, monkeypatch, capsys):
    words = f"ids.pt -n 7 -o prompted.root --prompt toys/HToBB_000.root --data-config {CONFIGS}/JetClass_kin.yaml"
    generate(folder, monkeypatch, capsys, f"{words} --prompt-particles 3")
    made, given = read_particles([folder / "prompted.root"]), read_particles([folder / "toys/HToBB_000.root"])
    tokenizer = small_tokenizer("kin", encoding="unconditional")
    starts = made.starts
    for place in range(7):
        source = place % 5
        particles = slice(given.starts[source], given.starts[source] + given.counts[source])
        hardest = np.argsort(-given.pt[particles], kind="stable")[:3]
        values = torch.tensor(np.stack([
            np.log(given.pt[particles][hardest]) - 1.8, 3 * given.deta[particles][hardest],
            3 * given.dphi[particles][hardest],
        ], axis=1)).float()[None]  # fmt: skip
        real = torch.ones(1, len(hardest), dtype=torch.bool)
        latent = tokenizer.encoder(values, real, real.sum(dim=1))
        codes = tokenizer.quantizer(latent[real]).codes[None]
        wanted = tokenizer.particles(codes).pt[0].numpy()
        np.testing.assert_allclose(made.pt[starts[place] : starts[place] + len(wanted)], wanted, rtol=1e-3)


def test_a_model_that_is_told_totals_is_told_those_of_the_prompts(folder):
    new_model(folder / "totals.pt", backbone="ids", jet_totals="given", running_totals=True)
    path, generator = folder / "toys/HToBB_000.root", load_generator(folder / "totals.pt")
    prompts = read_prompts(generator, folder / "totals.pt", [path], CONFIGS / "JetClass_kin.yaml", 2)
    with uproot.open(path) as file:
        part = file["tree"].arrays(["part_px", "part_py"])
    pt = np.hypot(ak.sum(part.part_px, axis=1), ak.sum(part.part_py, axis=1))
    cut = np.asarray(ak.num(part.part_px)) > 20  # the model sees the leading 20 particles
    np.testing.assert_allclose((prompts.totals[:, 0] + 6.5).exp()[~cut], ak.to_numpy(pt)[~cut], rtol=1e-4)
    told = []
    start = generator.model.id_encoder.start
    start.register_forward_pre_hook(lambda _, given: told.append(given[2]))
    next(generator.batches(7, 7, 1, None, None, prompts.codes, prompts.totals))
    assert torch.equal(told[0], prompts.totals[[0, 1, 2, 3, 4, 0, 1]])


def test_a_batch_farm_ends_it_without_a_trace(folder):
    words = [sys.executable, "-m", "hepjepa_weaver.cli", "generate", "ids.pt", "-n", "1000000", "-o", "ended.root"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: list(folder.glob(".ended.root.*.part")))
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(folder.glob("*ended.root*")) + list(folder.glob(".ended.root*"))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("ids.pt -n 0 -o a.root", ("--jets", 0)),
        ("ids.pt -n 5 -o a.root --batch-size 0", ("--batch-size", 0)),
        ("ids.pt -n 5 -o a.root --top-k -1", ("--top-k", -1)),
        ("ids.pt -n 5 -o a.root --temperature 0", ("--temperature", 0)),
        ("ids.pt -n 5 -o a.root --temperature nan", ("--temperature", "nan")),
        ("ids.pt -n 5 -o a.parquet", ("a.parquet", ".root")),
        ("ids.pt -n 5 -o a.root --label label_QCD", ("--label", "-o class_condition")),
        ("classes.pt -n 5 -o a.root --label label_Top", ("--label", "label_Top", f"label_{LABELS[0]}")),
        ("jepa.pt -n 5 -o a.root", ("jepa.pt", "omnijet_pretrain.py")),
        ("nothing.pt -n 5 -o a.root", ("nothing.pt",)),
        ("toys/HToBB_000.root -n 5 -o a.root", ("HToBB_000.root", "checkpoint")),
        ("ids.pt -n 5 -o a.root --prompt toys/HToBB_000.root", ("--prompt", "--data-config")),
        ("ids.pt -n 5 -o a.root --prompt gone.root --data-config KIN", ("gone.root",)),
        ("ids.pt -n 5 -o a.root --prompt toys/HToBB_000.root --data-config FULL", ("ids.pt", "pf_features")),
        ("ids.pt -n 5 -o a.root --prompt toys/HToBB_000.root --data-config KIN --prompt-particles 0",
         ("--prompt-particles", 0)),
        ("ids.pt -n 5 -o a.root --prompt toys/HToBB_000.root --data-config KIN --prompt-particles 21",
         ("--prompt-particles", 21, 20)),
        ("classes.pt -n 5 -o a.root --prompt toys/HToBB_000.root --data-config KIN", ("--prompt", "--label")),
        ("ids.pt -n 5 -o a.root --prompt-particles 5", ("--prompt-particles", "--prompt")),
        ("ids.pt -n 5 -o a.root --data-config KIN", ("--data-config", "--prompt")),
        ("ids.pt -n 5 -o a.root --temperature inf", ("--temperature", "inf")),
        ("ids.pt -n 5 -o a.root --temperature 1e-42", ("--temperature", "1e-06")),
        ("ids.pt -n 5 -o a.root --seed 100000000000000000000000", ("--seed", 64)),
        ("ids.pt -n 5 -o a.root --device nowhere", ("nowhere",)),
        ("ids.pt -n 5 -o a.root --device meta", ("meta",)),
        ("ids.pt -n 5 -o folder.root", ("folder.root", "folder")),
        ("untold.pt -n 5 -o a.root", ("untold.pt", "totals")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_leaves_no_file(folder, monkeypatch, capsys, words, wanted):
    words = words.replace("KIN", str(CONFIGS / "JetClass_kin.yaml")).replace(
        "FULL", str(CONFIGS / "JetClass_full.yaml")
    )
    with pytest.raises(UserError) as mistake:
        generate(folder, monkeypatch, capsys, words)
    assert names(str(mistake.value), *wanted)
    assert len(str(mistake.value).splitlines()) == 1
    assert not (folder / "a.root").exists()
