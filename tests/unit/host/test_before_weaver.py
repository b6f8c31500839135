import os
import sys
from pathlib import Path

import pytest

from hepjepa_weaver.host.before_weaver import (
    NUMBA_CACHE,
    is_weaver,
    names_this_package,
    prepare,
    split_path,
    use_writable_cache,
    value_of,
    would_be_overwritten,
)
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names

OURS = str(REPOSITORY / "network_configs/hepjepa_finetune.py")
CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"


# --- words of a command line ---


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["weaver", "-n", "a.py", "-c", "b.yaml"], "a.py"),
        (["weaver", "-c", "b.yaml", "--network-config", "a.py"], "a.py"),
        (["weaver", "--network-config=a.py"], "a.py"),
        (["weaver", "--network-config=a=b.py"], "a=b.py"),
        (["weaver", "-n", "a.py", "--network-config", "b.py"], "b.py"),
        (["weaver", "--network-option", "a", "3"], ""),
        (["weaver", "-n"], ""),
        (["weaver"], ""),
    ],
)
def test_the_last_value_of_an_option_counts(words, value):
    assert value_of(words, "-n", "--network-config") == value


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("weaver", True),
        ("/usr/bin/weaver", True),
        ("/env/lib/python3.11/site-packages/weaver/train.py", True),
        ("site-packages/weaver/other.py", False),
        ("train.py", False),
        ("/usr/bin/weaver-tool", False),
        ("hepjepa", False),
        ("-c", False),
        ("", False),
    ],
)
def test_weaver_is_known_by_its_name(word, is_one):
    assert is_weaver([word, "weaver"]) is is_one


def test_a_network_config_of_this_package_is_known_by_its_text(tmp_path):
    assert all(names_this_package(str(path)) for path in (REPOSITORY / "network_configs").glob("*.py"))
    (tmp_path / "stock.py").write_text("from weaver.nn.model.ParticleNet import ParticleNet\n")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00 hepjepa")
    for path in ("stock.py", "binary.py", "gone.py", ""):
        assert not names_this_package(str(tmp_path / path) if path else "")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--data-train", "/a/12:30:00/x.root"], ("--data-train", "/a/12:30:00/x.root")),
        (["-i", "a:/x.root", "b:/12:30/y.root"], ("-i", "b:/12:30/y.root")),
        (["--data-val", "root://host//x.root"], ("--data-val", "root://host//x.root")),
        (["-l", "ok.root", "-t", "a:root://host/x.root"], ("-t", "a:root://host/x.root")),
        (["--data-test", "a:b:c.root", "-i", "ok.root"], ("--data-test", "a:b:c.root")),
    ],
)
def test_a_path_that_weaver_splits_is_named_with_its_option(words, named):
    assert names(split_path(["weaver", *words]), *named)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-i", "x.root", "a:/b/*.root", "-t", "top%10:/b/*.root"],
        ["--load-model-weights", "a:b:c.pt", "-i", "x.root"],
        ["-i", "x.root", "-o", "codebook", "s3://a:b"],
    ],
)
def test_groups_and_other_options_may_have_colons(words):
    assert split_path(["we:av:er", *words]) is None


# --- data configs ---


@pytest.mark.parametrize(
    ("change", "name", "is_one"),
    [
        (("method: manual", "method: auto"), "jets.yml", True),
        (("method: manual", "method: auto"), "jets", True),
        (("method: manual", "method: Auto"), "jets.yml", True),
        (("method: manual", "method: auto"), "jets.yaml", False),
        (("weights:", "weights: {use_precomputed_weights: false}"), "jets.yml", True),
        (("weights:", "weights: {use_precomputed_weights: true, weight_branches: [w]}"), "jets.yml", False),
        (("weights:", "weights: {use_precomputed_weights: false}"), "jets.yaml", False),
        (("", ""), "jets.yml", False),
        (("preprocess:", "old:"), "jets.yml", False),
    ],
    ids=str,
)
def test_weaver_writes_over_a_data_config_that_it_completes_and_whose_name_ends_otherwise(
    tmp_path, change, name, is_one
):
    path = tmp_path / name
    path.write_text(CONFIG.read_text().replace(*change))
    assert would_be_overwritten(path) is is_one


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n- 2", "words", "preprocess:\nweights:\n", None])
def test_what_is_no_data_config_is_left_to_weaver(tmp_path, text):
    if text is not None:
        (tmp_path / "jets.yml").write_text(text)
    assert not would_be_overwritten(tmp_path / "jets.yml")


# --- numba's cache ---


@pytest.fixture
def _without_cache(monkeypatch):
    monkeypatch.setenv(NUMBA_CACHE, "to be restored")
    monkeypatch.delenv(NUMBA_CACHE)


@pytest.mark.usefixtures("_without_cache")
def test_numba_gets_a_cache_where_nothing_can_be_written_to(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    use_writable_cache()
    assert Path(os.environ[NUMBA_CACHE]).parent == tmp_path
    assert os.environ[NUMBA_CACHE].endswith(str(os.getuid()))


@pytest.mark.usefixtures("_without_cache")
@pytest.mark.parametrize("part", ["weaver", "home"])
def test_numba_keeps_its_own_cache_where_one_place_can_be_written_to(monkeypatch, part):
    asked = []

    def access(path, _mode):
        asked.append(Path(path))
        return (Path(path) == Path.home()) is (part == "home")

    monkeypatch.setattr(os, "access", access)
    use_writable_cache()
    assert NUMBA_CACHE not in os.environ
    assert Path.home() in asked


def test_a_cache_that_the_user_chose_is_kept(monkeypatch):
    monkeypatch.setenv(NUMBA_CACHE, "/chosen")
    monkeypatch.setattr(os, "access", lambda *_: False)
    use_writable_cache()
    assert os.environ[NUMBA_CACHE] == "/chosen"


# --- prepare ---


@pytest.fixture
def hook(monkeypatch):
    """A hook for errors that no other test needs."""

    def show(*_):
        pass

    monkeypatch.setattr(sys, "excepthook", show)
    monkeypatch.setattr(os, "access", lambda *_: False)
    return show


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", list(map(str, words)))
    prepare()


@pytest.mark.usefixtures("_without_cache")
@pytest.mark.parametrize(
    "program", [("pytest", "-n", OURS), ("", "-n", OURS), ("weaver",), ("weaver", "-n", "gone.py")]
)
def test_other_programs_and_network_configs_are_left_alone(monkeypatch, hook, program, tmp_path):
    (tmp_path / "jets.yml").write_text(CONFIG.read_text().replace("method: manual", "method: auto"))
    run(monkeypatch, *program, "-c", tmp_path / "jets.yml", "-i", "a:b:c.root")
    assert sys.excepthook is hook
    assert NUMBA_CACHE not in os.environ


@pytest.mark.usefixtures("_without_cache")
def test_a_program_without_a_command_line_is_left_alone(monkeypatch, hook):
    """As Python inside another program."""
    monkeypatch.delattr(sys, "argv")
    prepare()
    monkeypatch.setattr(sys, "argv", [], raising=False)
    prepare()
    assert sys.excepthook is hook


@pytest.mark.usefixtures("_without_cache")
def test_a_command_with_a_network_of_this_package_is_prepared(monkeypatch, hook, capsys):
    run(monkeypatch, "/usr/bin/weaver", "-n", OURS, "-c", CONFIG, "-i", "a:x.root")
    assert sys.excepthook is not hook
    assert NUMBA_CACHE in os.environ
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("_without_cache", "hook")
@pytest.mark.parametrize("option", ["-c", "--data-config", "--data-config-val"])
def test_a_data_config_that_would_be_written_over_stops_the_command(monkeypatch, tmp_path, option):
    path = tmp_path / "jets.yml"
    path.write_text(CONFIG.read_text().replace("method: manual", "method: auto"))
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "weaver", "-n", OURS, option, path)
    assert names(stop.value.code, "hepjepa_weaver: error", "--data-config", path, ".yaml")
    with pytest.raises(SystemExit):
        run(monkeypatch, "weaver", f"--network-config={OURS}", f"{option}={path}")


@pytest.mark.usefixtures("_without_cache", "hook")
def test_a_path_that_would_be_split_stops_the_command(monkeypatch):
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "weaver", "-n", OURS, "-c", CONFIG, "-i", "root://host//x.root")
    assert names(stop.value.code, "hepjepa_weaver: error", "-i root://host//x.root")
