"""The worked example of docs/cms.md: every command as it stands there, and then the Python of docs/onnx.md."""

import os
import re
import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from tests.helpers.experiment_files import known_jets, pfnano_events, with_decays, write_events
from tests.helpers.markdown_pages import REPOSITORY, code_lines

pytestmark = pytest.mark.slow

SECTION = "## From PFNano to a tagger, step by step\n"
NUMBER = 150


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """A folder with files of PFNano's layout, after all commands of the page."""
    folder = tmp_path_factory.mktemp("cms")
    for seed, split in enumerate(("train", "val", "test")):
        events = with_decays(pfnano_events(known_jets(NUMBER, seed)))
        number = {name: np.arange(NUMBER // 3) + 10**10 * (name == "event") for name in ("run", "event")}
        write_events(folder / f"pfnano/{split}/nano.root", {**events, **number})
    lines = list(code_lines((REPOSITORY / "docs/cms.md").read_text().split(SECTION)[1]))
    assert len(lines) == 8
    assert [line.split()[0] for line in lines].count("weaver") == 3
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for line in lines:
        ran = subprocess.run(["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "2"},
                             capture_output=True, text=True, check=False)  # fmt: skip
        assert ran.returncode == 0, line + ran.stdout[-2000:] + ran.stderr[-2000:]
    return folder


def test_embeddings_and_scores_have_the_numbers_of_their_events(done):
    jets = uproot.open(f"{done}/jets/test/nano.root:tree").arrays()
    embedded, scored = ak.from_parquet(done / "embeddings.parquet"), uproot.open(f"{done}/scores.root:tree").arrays()
    assert len(jets) == len(embedded) == len(scored) == NUMBER
    for table in (embedded, scored):
        for name in ("run", "event"):
            assert table[name].tolist() == jets[name].tolist() == sorted(jets[name].tolist())
        assert ak.to_numpy(table["embedding"]).std(axis=0).min() > 0
    assert jets.event[0] == 10**10
    scores = np.stack([ak.to_numpy(scored[name]) for name in scored.fields if name.startswith("score_label_")], axis=1)
    assert scores.shape == (NUMBER, 10)
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_the_page_in_python_gives_the_scores_of_the_network(done, monkeypatch):
    monkeypatch.chdir(done)
    (code,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/onnx.md").read_text(), re.DOTALL)
    found: dict[str, object] = {}
    exec(compile(code, "docs/onnx.md", "exec"), found)
    scored = uproot.open("scores.root:tree").arrays()
    names = [f"score_{name}" for name in found["preprocess"]["output_names"]]  # type: ignore[index]
    wanted = np.stack([ak.to_numpy(scored[name]) for name in names], axis=1)
    np.testing.assert_allclose(found["scores"], wanted, atol=1e-4)
    assert wanted.std(axis=0).min() > 1e-4
