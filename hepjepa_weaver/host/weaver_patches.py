"""All that is replaced inside weaver 0.5.3, and how a replacement without effect is noticed.

| replaced | why | noticed by |
|---|---|---|
| `sys.excepthook` | a user's mistake ends in one line, not in a traceback | `explain` |
| `weaver.train.ast` | `-o preset paper` needs no quotes | `WeaverChanged`; contract test |
| `_load_next`, `_finalize_inputs`, `_check_labels`, `_build_weights` of `dataset` | `reading` | `WeaverChanged` |
| `preprocess._eval_expr` | `reading`: an error names the expression | `WeaverChanged` |
| `dataset._SimpleIter` | `sampling`: passes end | `WeaverChanged` |
| `fileio._write_root` | `prediction_files`: the last jet is written | `WeaverChanged` |
| `tools.evaluate_metrics` | `class_metrics`: hundreds of classes take seconds | `WeaverChanged` |
| `lr_finder.LRFinder` | `lr_finder`: networks without labels have a curve, too | `WeaverChanged` |
| `tools.evaluate_onnx` | test files are checked first | `WeaverChanged`; contract test |

Each is replaced once per process, when a network config is loaded; weaver loads network configs twice.
"""

import ast
import functools
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import weaver.train

from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.host import class_metrics, prediction_files, reading, sampling
from hepjepa_weaver.host.explain import show_user_errors_in_one_line
from hepjepa_weaver.host.exported_numbers import label_options, with_numbers
from hepjepa_weaver.host.first_look import FirstLook
from hepjepa_weaver.host.input_files import check_data_arguments
from hepjepa_weaver.host.labels import regressed_names
from hepjepa_weaver.host.loaders import CountedJets, OwnedColumns
from hepjepa_weaver.host.prepared_loaders import finished_test, prepare_test
from hepjepa_weaver.host.unreadable import nothing_given
from hepjepa_weaver.weaver_api.changed import WeaverChanged
from hepjepa_weaver.weaver_api.command import running_command
from hepjepa_weaver.weaver_api.training import tools


def prepare_weaver() -> None:
    """Replace all that the table above names.

    Raises:
        WeaverChanged: weaver no longer has a part that is to be replaced.
    """
    show_user_errors_in_one_line()
    take_words_as_they_are()
    reading.install()
    sampling.install()
    prediction_files.install()
    class_metrics.install()
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
        command_line = running_command()
        check_data_arguments(command_line)
        options, data_config = label_options(command_line), test_loader.dataset.config
        prepare_test(test_loader, regressed_names(data_config, options))
        nothing = partial(nothing_given, test_loader, "test", command_line.batch_size_test)
        result = evaluate_onnx(model_path, CountedJets(OwnedColumns(FirstLook(test_loader)), nothing), *args, **kwargs)
        result = with_numbers(result, data_config, options)
        return finished_test(result, test_loader, command_line, labels_known=options.target != "regression")

    return evaluate
