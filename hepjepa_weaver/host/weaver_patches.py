"""All that is replaced inside weaver 0.5.3, and how a replacement without effect is noticed.

| replaced | why | noticed by |
|---|---|---|
| `sys.excepthook` | a user's mistake ends in one line, not in a traceback | `explain` |
| `weaver.train.ast` | `-o preset paper` needs no quotes | `WeaverChanged`; contract test |
| `fileio._read_*` | failed reads are counted: weaver logs them and goes on | `WeaverChanged`; contract test |
| `tools.evaluate_onnx` | test files are checked first | `WeaverChanged`; contract test |

Each is replaced once per process, when a network config is loaded; weaver loads network configs twice.
"""

import ast
import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import weaver.train

from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.host.explain import show_user_errors_in_one_line
from hepjepa_weaver.host.input_files import check_data_arguments
from hepjepa_weaver.host.unreadable import FAILED_READS, require_readable
from hepjepa_weaver.weaver_api import WeaverChanged, command_line_parser, tools


def prepare_weaver() -> None:
    """Replace all that the table above names.

    Raises:
        WeaverChanged: weaver no longer has a part that is to be replaced.
    """
    show_user_errors_in_one_line()
    take_words_as_they_are()
    FAILED_READS.watch()
    check_before_onnx()


def take_words_as_they_are() -> None:
    """Let weaver read option values that are not Python values as text: words and paths need no quotes.

    Raises:
        WeaverChanged: weaver evaluates values in another way.
    """
    evaluate = getattr(getattr(weaver.train, "ast", None), "literal_eval", None)
    if evaluate not in (ast.literal_eval, value_or_text):
        raise WeaverChanged("no longer evaluates -o values with `ast.literal_eval` of weaver.train")
    weaver.train.ast = SimpleNamespace(literal_eval=value_or_text)


def check_before_onnx() -> None:
    """Check the test files before weaver evaluates an ONNX file.

    Raises:
        WeaverChanged: weaver has no `evaluate_onnx`.
    """
    if not callable(getattr(tools, "evaluate_onnx", None)):
        raise WeaverChanged("has no weaver.utils.nn.tools.evaluate_onnx")
    if not hasattr(tools.evaluate_onnx, "__wrapped__"):
        tools.evaluate_onnx = checked(tools.evaluate_onnx)


def checked(evaluate_onnx: Callable[..., Any]) -> Callable[..., Any]:
    """Return weaver's evaluation of an ONNX file, preceded by a check of the test files."""

    @functools.wraps(evaluate_onnx)
    def evaluate(model_path: str, test_loader: Any, *args: Any, **kwargs: Any) -> Any:
        command_line, _ = command_line_parser().parse_known_args()
        check_data_arguments(command_line)
        require_readable(test_loader)
        return evaluate_onnx(model_path, test_loader, *args, **kwargs)

    return evaluate
