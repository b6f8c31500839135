"""Python commands in processes of their own, without waiting for their imports.

`run` has a command forked from a Python that has imported torch, weaver and the like, none of ours and nothing that
starts threads. What the command itself does is what it does in a shell, up to its exit code and its last words on
stderr. It saves some 4 s a command. Each kind of command is tried from a shell, too (`tests/end_to_end`).
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.helpers.waiting import PATIENCE

REPOSITORY = Path(__file__).parents[2]
IMPORTED = (
    "weaver.train", "awkward", "uproot", "fsspec.implementations.local", "pandas", "pyarrow.parquet",
    "sklearn.linear_model", "sympy", "torch.distributed", "torch.nn.attention.flex_attention",
    "torch.utils.tensorboard", "yaml",
)  # fmt: skip


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None, limits: Mapping[int, int] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python script, as `python words[0] …` would.

    Args:
        words: path of the script, and its arguments.
        cwd: where it runs.
        env: its environment; by default that of the tests.
        limits: the most it may use of each `resource.RLIMIT_…`.
    """
    return _forking_python().run(words, cwd, os.environ if env is None else env, limits or {})


class ForkingPython:
    """The process that forks, and the conversation with it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.helpers.forked_commands"]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        atexit.register(self.close)

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], limits: Mapping[int, int]
    ) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as folder:
            outputs = [Path(folder, name) for name in ("stdout", "stderr")]
            request = {"words": list(map(str, words)), "cwd": str(cwd), "env": dict(env),
                       "limits": {str(name): most for name, most in limits.items()},
                       "outputs": list(map(str, outputs))}  # fmt: skip
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            pid = self._answer(PATIENCE)
            try:
                code = self._answer(PATIENCE)
            finally:
                _kill_group(pid)  # what is left of it: all of it, if it is stuck
            stdout, stderr = (path.read_text(errors="replace") for path in outputs)
            return subprocess.CompletedProcess(list(words), code, stdout, stderr)

    def _answer(self, patience: float) -> int:
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        if not ready:
            raise TimeoutError(f"no answer after {patience} s")
        return int(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        _kill_group(self.process.pid)
        self.process.wait()


_forking: list[ForkingPython] = []


def _forking_python() -> ForkingPython:
    if not _forking:
        _forking.append(ForkingPython())
    return _forking[0]


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def serve() -> dict | None:
    """Fork for each line of stdin; the request in the child, None at the end."""
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def become(request: dict) -> None:
    """Be the command."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    outputs = (os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in request["outputs"])
    for number, opened in enumerate((nothing, *outputs)):
        os.dup2(opened, number)
    for name, most in request["limits"].items():
        resource.setrlimit(int(name), (most, most))
    sys.modules["numpy"].random.seed()  # or every command would draw the same
    sys.argv = request["words"]
    sys.path[0] = os.path.dirname(sys.argv[0])
    code: object = 0
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        code = 1
    leave(code)


def leave(code: object) -> None:
    """End as Python does, but for freeing what the imports hold: pages shared with the parent would be copied."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    asked = serve()
    if asked is not None:
        become(asked)
