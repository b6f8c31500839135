"""Extras are really optional: everything but what needs them imports without them."""

import subprocess
import sys

import pytest

REFUSED = (
    "matplotlib",
    "mplhep",
    "pythia8mc",
    "pythia8",
    "fastjet",
    "onnx",
    "onnxruntime",
    "snakemake",
    "pandas",
    "tables",
)
IMPORT_ALL = f"""
import importlib, importlib.abc, pkgutil, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        caller = sys._getframe(1)
        while "importlib" in caller.f_code.co_filename:
            caller = caller.f_back
        ours = caller.f_globals.get("__name__", "").startswith("hepjepa_weaver")
        if name.partition(".")[0] in {REFUSED!r} and ours:
            raise ImportError(name)
        return None

sys.meta_path.insert(0, Refuse())
import hepjepa_weaver
for module in pkgutil.walk_packages(hepjepa_weaver.__path__, "hepjepa_weaver."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
        print(module.name)
"""
"""Weaver itself imports some of these; what is refused is that this package asks for them."""


def test_every_module_imports_without_the_extras():
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert {"hepjepa_weaver.cli.jets", "hepjepa_weaver.datasets.top_landscape"} <= set(done.stdout.split())


@pytest.mark.parametrize("light", ["where", "--help", "--version"])
def test_light_commands_import_neither_torch_nor_weaver(light):
    code = f"import sys; from hepjepa_weaver.cli.main import run_command; run_command([{light!r}]); "
    code += "sys.exit(bool({'torch', 'weaver', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
