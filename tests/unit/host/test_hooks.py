import subprocess
import sys

import pytest
import torch
import weaver.train
from torch.utils.data import DataLoader, IterableDataset
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError, run_script
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.host.explain import explain
from hepjepa_weaver.host.hooks import weaver_hook
from hepjepa_weaver.host.networks import find_network
from tests.helpers.messages import names


def test_an_attribute_error_in_a_hook_is_not_taken_for_a_missing_hook():
    @weaver_hook
    def get_loss():
        return object().nothing

    with pytest.raises(RuntimeError, match=r"get_loss.*nothing"):
        get_loss()


def test_other_results_and_errors_pass_through():
    assert weaver_hook(lambda: 3)() == 3

    @weaver_hook
    def refuse():
        raise UserError("no")

    with pytest.raises(UserError, match="no"):
        refuse()


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (UserError("mend it"), "mend it"),
        (FileNotFoundError(2, "No such file", "net_best_epoch_state.pt"), "net_best_epoch_state.pt: No such file"),
        (SyntaxError("invalid syntax", ("<unknown>", 1, 1, "0.3.4")), "no Python value"),
        (SyntaxError("invalid syntax", ("config.py", 1, 1, "0.3.4")), None),
        (RuntimeError("Error(s) in loading state_dict for X:\n\tsize mismatch for y"), "size mismatch for y"),
        (ValueError("malformed node or string on line 1"), "no Python value"),
        (FileNotFoundError(2, "No such file", "something.txt"), None),
        (ValueError("else"), None),
    ],
)
def test_what_is_shown_in_one_line(error, wanted):
    line = explain(error)
    assert (line is None) if wanted is None else (wanted in line and "\n" not in line)


class Failing(IterableDataset):
    """A dataset that raises an error, maybe because of another one."""

    def __init__(self, error, cause=None):
        self.error, self.cause = error, cause

    def __iter__(self):
        if self.cause is None:
            raise self.error
        try:
            raise self.cause
        except Exception:
            raise self.error from self.cause


def error_of_worker(error, cause=None):
    """The error as torch's loader passes it on from a process that reads."""
    batches = iter(DataLoader(Failing(error, cause), num_workers=1))
    with pytest.raises(Exception, match=r"Caught \w+ in DataLoader worker process 0") as stop:
        next(batches)
    batches._shutdown_workers()  # the error holds on to them
    return stop.value


in_worker = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@in_worker
@pytest.mark.parametrize("cause", [None, KeyError("part_px"), ValueError("else: 3")])
def test_a_users_mistake_in_a_worker_process_is_shown_as_it_was_said(cause):
    assert explain(error_of_worker(UserError("data.yaml: mend it: now"), cause)) == "data.yaml: mend it: now"


@in_worker
@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ValueError("wrong shape"), "ValueError: wrong shape"),
        (KeyError("part_px"), "KeyError: 'part_px'"),
        (FileNotFoundError(2, "No such file", "jets.yaml"), "FileNotFoundError"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 200),
    ],
    ids=repr,
)
def test_another_error_in_a_worker_process_is_named_with_the_way_to_its_place(error, named):
    line = explain(error_of_worker(error))
    assert named in line
    assert names(line, "process", "--num-workers 0")
    assert "\n" not in line
    assert len(line) < 350


@in_worker
def test_an_error_without_words_in_a_worker_process_is_named():
    assert names(explain(error_of_worker(ValueError())), "ValueError", "--num-workers 0")


@in_worker
def test_files_of_which_a_worker_process_reads_no_jet_are_named():
    error = error_of_worker(
        RuntimeError("Zero entries loaded when reading files ['a.root'] with `load_ranges`=[(0, 1)].")
    )
    assert names(explain(error), "no jet", "a.root", "--num-workers")
    assert explain(error) == explain(RuntimeError("Zero entries loaded when reading files ['a.root'] with"))


@pytest.mark.parametrize("name", ["jets.yaml", "jets.yml"])
def test_a_missing_data_config_is_named_with_its_option(tmp_path, name):
    with pytest.raises(FileNotFoundError) as stop:
        SimpleIterDataset({}, str(tmp_path / name))
    assert names(explain(stop.value), tmp_path / name, "No such file", "--data-config")


@pytest.mark.parametrize("reason", [(13, "Permission denied"), (30, "Read-only file system")])
def test_a_folder_without_room_for_weavers_standardisation_is_named(reason):
    line = explain(OSError(*reason, "/shared/jets.0a1b.auto.yaml"))
    assert names(line, "/shared/jets.0a1b.auto.yaml", reason[1], "beside the data config", "copy")


@pytest.mark.parametrize("reason", [(13, "Permission denied"), (30, "Read-only file system"), (28, "No space left")])
def test_a_file_that_cannot_be_written_is_named(reason):
    assert names(explain(OSError(*reason, "/full/log.txt")), "/full/log.txt", reason[1])


@pytest.mark.skipif(torch.accelerator.is_available(), reason="for machines without a GPU")
def test_the_gpu_that_weaver_takes_unless_told_otherwise_is_explained():
    with pytest.raises(RuntimeError) as stop:
        torch.device(0)
    assert names(explain(stop.value), "GPU", "--gpus ''", "CPU")


@pytest.mark.parametrize(
    "words",
    [
        ("--in-memory", "--data-train", "*.root"),
        ("--in-memory-val", "--data-train", "*.root"),
        ("--steps-per-epoch", "3", "--samples-per-epoch", "400"),
        ("--steps-per-epoch-val", "3", "--samples-per-epoch-val", "400"),
    ],
    ids=" ".join,
)
def test_weavers_own_words_about_options_are_shown_alone(monkeypatch, tmp_path, words):
    (tmp_path / "jets.root").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["weaver", "--gpus", "", "--model-prefix", "net", *words])
    monkeypatch.setattr(weaver.train, "_configLogger", lambda *_, **__: None)
    with pytest.raises(RuntimeError) as stop:
        weaver.train.main()
    assert explain(stop.value) == str(stop.value)
    assert "--steps-per-epoch" in str(stop.value)


@pytest.mark.parametrize(("error", "traceback"), [("h.UserError('mend it')", False), ("KeyError('x')", True)])
def test_a_users_mistake_ends_without_traceback(error, traceback):
    code = f"import hepjepa_weaver.host.explain as h; h.show_user_errors_in_one_line(); raise {error}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert ("Traceback" in done.stderr) is traceback
    assert (done.stderr == "hepjepa_weaver: error: mend it\n") is not traceback


@pytest.mark.parametrize("content", [b"", b"some text", b"root" + bytes(range(256)), "truncated"])
def test_a_file_that_torch_cannot_load_is_explained(tmp_path, content):
    path = tmp_path / "net.pt"
    if content == "truncated":
        torch.save({"weight": torch.zeros(1000)}, path)
        content = path.read_bytes()[:-500]
    path.write_bytes(content)
    with pytest.raises(Exception) as stop:  # noqa: PT011 - torch raises whatever the bytes lead it to
        torch.load(path)
    assert "damaged or none at all" in explain(stop.value)


def test_scripts_show_one_line(capsys):
    def main():
        raise UserError("mend it")

    with pytest.raises(SystemExit) as stop:
        run_script(main)
    assert stop.value.code == "error: mend it"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [("paper", "paper"), ("'paper'", "paper"), ("True", True), ("None", None), ("0.5", 0.5), ("(1,2)", (1, 2))],
)
def test_a_word_needs_no_quotes(text, value):
    assert value_or_text(text) == value


@pytest.mark.parametrize(
    "text", ["runs/a-b/net_state.pt", "~/x.pt", "0.3.4", "a b", "__import__('os')", "(1,", "[" * 9999]
)
def test_what_is_no_python_value_is_text_and_is_not_run(text):
    assert value_or_text(text) == text


def test_options_of_the_loop_reach_it():
    hooks = find_network("mpm_pretrain").hooks()
    train_fn, evaluate_fn = hooks.get_train_fn, hooks.get_evaluate_fn
    assert train_fn(None, log_every=7).args[0].keywords == {"log_every": 7}
    assert evaluate_fn(None, probe_jets=30).args[0].keywords == {"probe_jets": 30}
