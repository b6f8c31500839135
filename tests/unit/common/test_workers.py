"""Worker processes: all of them end when one fails, whatever the others do at that moment."""

import multiprocessing
import os
import signal
import time

import pytest

from hepjepa_weaver.common import workers
from hepjepa_weaver.common.errors import UserError
from tests.helpers.messages import naming

FOREVER = 600.0


def fail_once_there(folder, others):
    while len(list(folder.iterdir())) < others:
        time.sleep(0.01)
    raise UserError("this task fails")


def swallow_exits(folder):
    """What a destructor does with an exception that a signal's handler raises."""
    (folder / "there").touch()
    end = time.monotonic() + FOREVER
    while time.monotonic() < end:
        try:
            time.sleep(0.1)
        except SystemExit:
            continue


def ignore_termination(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / "there").touch()
    time.sleep(FOREVER)


def terminate_itself(folder):
    (folder / f".file.{os.getpid()}.part").touch()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(FOREVER)


def call(task, report):
    function, *arguments = task
    return function(*arguments)


@pytest.mark.slow
@pytest.mark.parametrize("stubborn", [swallow_exits, ignore_termination])
def test_a_stubborn_worker_does_not_keep_a_failed_run_alive(stubborn, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "GRACE", 1.0)
    start = time.monotonic()
    with pytest.raises(UserError, match="this task fails"):
        workers.run_workers(call, [(stubborn, tmp_path), (fail_once_there, tmp_path, 1)], [], 2, lambda _: None)
    assert time.monotonic() - start < FOREVER / 2
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_a_worker_that_is_terminated_ends_the_run_and_leaves_no_part(tmp_path):
    with pytest.raises(UserError, match=naming("exit status", 143)):
        workers.run_workers(call, [(terminate_itself, tmp_path)] * 2, [tmp_path], 2, lambda _: None)
    assert list(tmp_path.iterdir()) == []
