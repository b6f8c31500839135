import os
import platform
import socket
from importlib.metadata import version

from hepjepa_weaver.common.environment import hardware, versions


def test_versions_of_what_is_installed():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["weaver-core"] == version("weaver-core")
    assert {"torch", "hepjepa-weaver", "awkward", "uproot"} <= set(found)


def test_hardware_names_processor_cores_and_memory_but_not_the_host():
    text = hardware()
    assert f"{len(os.sched_getaffinity(0))} cores" in text
    assert "GiB memory" in text
    assert socket.gethostname() not in text
