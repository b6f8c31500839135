import subprocess
import sys

import pytest
import torch

from hepjepa_weaver.common.errors import UserError, run_script
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.host.explain import explain
from hepjepa_weaver.host.hooks import weaver_hook
from hepjepa_weaver.host.networks import find_network


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
