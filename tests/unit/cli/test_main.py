"""The command `hepjepa`: it finds its commands, what is shipped, and options; mistakes are told in one line."""

import argparse
from importlib import import_module
from pathlib import Path

import pytest

from hepjepa_weaver.cli import study
from hepjepa_weaver.cli.main import COMMANDS, overview, run_command
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.shipped import FOLDERS, find_shipped, shipped_files, shipped_path
from hepjepa_weaver.host.networks import network_names
from tests.helpers.hepjepa_command import hepjepa


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module_and_help(name, capsys):
    module = import_module(f"hepjepa_weaver.cli.{name.replace('-', '_')}")
    with pytest.raises(SystemExit, match="0"):
        run_command([name, "--help"])
    assert module.__doc__.splitlines()[0] in capsys.readouterr().out
    assert f"  {name} " in overview()


def test_unknown_commands_are_told_in_one_line():
    done = hepjepa("fewshot")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "fewshot" in done.stderr
    assert "subset" in done.stderr
    assert done.stderr.count("\n") == 1


def test_where_prints_the_absolute_path_of_a_file():
    done = hepjepa("where", "hepjepa_pretrain")
    assert done.returncode == 0
    path = Path(done.stdout.strip())
    assert path.is_absolute()
    assert path.read_text().count("network") > 0


def test_where_lists_everything_that_is_shipped():
    listed = hepjepa("where").stdout
    for folder, title in FOLDERS.items():
        assert title in listed
        assert any(name.startswith(f"{folder}/") for name in shipped_files())
    for name in shipped_files():
        assert Path(name).name in listed


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("JetClass_full", "data_configs/JetClass/JetClass_full.yaml"),
        ("JetClass/JetClass_kin.yaml", "data_configs/JetClass/JetClass_kin.yaml"),
        ("part", "network_configs/part.py"),
        ("minijetclass", "minijetclass.yaml"),
        ("farm", "scripts/farm"),
    ],
)
def test_short_names_are_found(name, file):
    assert str(find_shipped(name)).endswith(file)


@pytest.mark.parametrize(("name", "told"), [("JetClass_ful", "JetClass_ful"), ("config", "slurm")])
def test_names_that_mean_nothing_or_several_files_are_refused(name, told):
    with pytest.raises(UserError, match=told):
        find_shipped(name)


def test_shipped_paths_are_names_in_the_repository():
    assert shipped_path("network_configs/part.py").is_file()
    for name in ("network_configs/parts.py", "pyproject.toml", "tests"):
        with pytest.raises(UserError, match=name):
            shipped_path(name)


@pytest.mark.parametrize("network", network_names())
def test_options_are_listed_with_default_and_what_they_do(network, capsys):
    run_command(["options", network])
    assert "  seed = -1   (int)" in capsys.readouterr().out


def test_options_shows_one_option_or_preset(capsys):
    run_command(["options", "hepjepa_pretrain", "target_norm"])
    assert "'layer' or 'batch' or 'none'" in capsys.readouterr().out
    run_command(["options", "hepjepa_pretrain", "jp"])
    assert "koleo_weight 0.1" in capsys.readouterr().out
    with pytest.raises(UserError, match="targetnorm"):
        run_command(["options", "hepjepa_pretrain", "targetnorm"])


@pytest.mark.parametrize(
    "words",
    [
        ["--cores", "3", "plan", "-n", "a/b.json"],
        ["plan", "--cores", "3", "-n", "a/b.json"],
        ["plan", "-n", "a/b.json", "-c3"],
    ],
)
def test_study_takes_cores_anywhere_and_passes_the_rest_on(words):
    parser = argparse.ArgumentParser()
    study.add_arguments(parser)
    assert study.cores_and_rest(parser.parse_args(words)) == (3, ["-n", "a/b.json"])
