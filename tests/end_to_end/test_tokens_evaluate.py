"""`hepjepa tokens evaluate` and `hepjepa compare --tokenizer`, with tokenizers that weaver trained."""

import json

import pytest

from hepjepa_weaver.cli.main import run_command
from hepjepa_weaver.common.errors import UserError
from tests.helpers.messages import names, naming
from tests.helpers.toy_jets import link_toy_files
from tests.helpers.toy_tokenizers import KINEMATICS, SMALL_OPTIONS
from tests.helpers.weaver_command import DATA_CONFIG, succeeded, weaver

pytestmark = pytest.mark.slow
pytest.importorskip("matplotlib", reason="pictures need the extra 'plots'")
pytest.importorskip("fastjet", reason="observables need the extra 'jets'")
ENCODINGS = ("conditional", "binned")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, toy_files):
    """Toy jets, and two tokenizers of two training steps: `ENCODING/net_best_epoch_state.pt`."""
    folder = tmp_path_factory.mktemp("tokens")
    link_toy_files(toy_files, folder)
    epochs = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "1")
    for encoding in ENCODINGS:
        options = ("--model-prefix", f"{encoding}/net", *epochs, *SMALL_OPTIONS, "-o", "encoding", encoding)
        succeeded(weaver(folder, "jet_tokenizer", *options, data_config=KINEMATICS))
    return folder


def words_of(folder, *others, config=KINEMATICS, out="out/report.md"):
    tokenizers = [word for name in ENCODINGS for word in (name, folder / name / "net_best_epoch_state.pt")]
    files = sorted((folder / "test").glob("*.root"))
    given = ["tokens", "evaluate", *tokenizers, "--data-config", config, "--test", *files, *others]
    return list(map(str, [*given, "-o", folder / out]))


def files(folder, split):
    return list(map(str, sorted((folder / split).glob("*.root"))))


def test_everything_at_once(folder, capsys):
    coverage = ("--coverage-codes", "4", "--coverage-contexts", "5")
    taggers = ("--tagger-steps", "2", "--tagger-network", "particle_flow", "--train", *files(folder, "train"))
    run_command(words_of(folder, "--jets", "100", *coverage, *taggers, "--train-jets", "50"))
    text, found = (folder / "out/report.md").read_text(), json.loads((folder / "out/report.json").read_text())
    assert "wrote" in capsys.readouterr().out
    assert "100 test jets" in text
    assert {path.name for path in (folder / "out").glob("*.png")} == {
        "report-observables.png", "report-errors.png", "report-coverage.png",
    }  # fmt: skip
    assert (found["test_jets"], list(found["tokenizers"])) == (100, list(ENCODINGS))
    conditional, binned = found["tokenizers"].values()
    assert conditional["options"]["encoding"] == "conditional"
    assert set(binned["spread_within_a_code"].values()) == {0.0}
    assert conditional["spread_within_a_code"]["Δη"] > 0
    assert binned["errors"]["all"]["particle Δη"]["mean_absolute"][0] < 0.2
    assert binned["errors"]["QCD"]["jet mass"]["number"] == 10
    assert found["taggers"]["settings"]["train_jets"] == 50
    results = [(row["reads"], row["tokenizer"]) for row in found["taggers"]["results"]]
    assert results == [
        ("original particles", None),
        *((reads, name) for name in ENCODINGS for reads in ("reconstructed particles", "codes alone")),
    ]
    assert all(len(row["minus_original_particles"]) == 2 for row in found["taggers"]["results"][1:])


def test_the_least_that_is_needed(folder):
    one = ["--test", *files(folder, "test")[:1]]
    run_command(words_of(folder, "--coverage-codes", "0", "--by-class", *one, out="least/report.md"))
    text = (folder / "least/report.md").read_text()
    assert "Taggers" not in text
    assert "Spread within a code" not in text
    assert len(list((folder / "least").glob("*.png"))) == 2 + 1


def test_compare_makes_reconstructed_jets_itself(folder):
    given = [*files(folder, "train"), "--real", *files(folder, "test"), "--floor", *files(folder, "val")]
    tokenizer = ["--tokenizer", folder / "binned/net_best_epoch_state.pt", "--data-config", KINEMATICS]
    others = ["--jets", "30", "--classifier-steps", "0", "-o", folder / "compare/report.md"]
    run_command(list(map(str, ["compare", *given, *tokenizer, *others])))
    text = (folder / "compare/report.md").read_text()
    assert "Against reconstructed real jets" in text
    assert "Errors of reconstructed jets" in text
    assert "generated 300, original 300, floor of original 300, reconstructed 30" in text


@pytest.mark.parametrize("title", ["", "a$b$"])
def test_a_title_that_cannot_be_drawn_is_refused(folder, title):
    with pytest.raises(UserError, match=naming(f"'{title}'", "title")):
        run_command(["tokens", "evaluate", title, "a.pt", *words_of(folder)[2:]])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tagger-steps", "2"], ["--train"]),
        (["--train", "a.root"], ["--tagger-steps"]),
        (["--jets", "0"], ["--jets"]),
        (["--device", "abacus"], ["abacus"]),
        (["--test", "nowhere.root"], ["nowhere.root"]),
        (["--tagger-rates", "0"], ["--tagger-rates"]),
        (["-o", "report.json"], ["report.json", ".md"]),
    ],
)
def test_mistakes_are_told_in_one_line(folder, words, told):
    with pytest.raises(UserError, match=naming(*told)) as error:
        run_command([*words_of(folder, out="never/report.md"), *words])
    assert "\n" not in str(error.value)
    assert not (folder / "never").exists()


def test_titles_and_checkpoints_come_in_turn(folder):
    words = words_of(folder)
    with pytest.raises(UserError, match=naming("title")):
        run_command([*words[:5], *words[6:]])
    with pytest.raises(UserError, match=naming("conditional", "taken")):
        run_command([*words[:4], "conditional", *words[5:]])


def test_a_tokenizer_of_another_data_config_is_refused(folder):
    config = folder / "other.yaml"
    text = DATA_CONFIG.read_text()
    config.write_text(text.replace("[part_deta, null]", "[part_deta, 0.0, 2.0]"))
    with pytest.raises(UserError, match=naming("pf_points", "data config")):
        run_command(words_of(folder, config=config))


def test_compare_needs_both_options_of_a_tokenizer(folder):
    words = ["compare", "a.root", "--real", "b.root", "-o", str(folder / "never/report.md")]
    with pytest.raises(UserError, match=naming("--data-config", "--tokenizer")):
        run_command([*words, "--tokenizer", "net.pt"])
    with pytest.raises(UserError, match=naming("--reconstructed", "--tokenizer")):
        run_command([*words, "--tokenizer", "net.pt", "--data-config", "a.yaml", "--reconstructed", "c.root"])


def test_unknown_commands_of_tokens_are_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        run_command(["tokens", "judge"])
    assert names(capsys.readouterr().err, "judge", "evaluate")
