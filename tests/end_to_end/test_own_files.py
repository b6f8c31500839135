"""Jets with branches of other names, by the data config that docs/data.md gives for them."""

import re
from pathlib import Path

import awkward as ak
import pytest
import uproot

from tests.helpers.markdown_pages import REPOSITORY
from tests.helpers.toy_jets import toy_table
from tests.helpers.weaver_command import ENCODER, PREDICTOR, succeeded, weaver

pytestmark = pytest.mark.slow


@pytest.fixture
def data_config(tmp_path: Path) -> Path:
    """The page's YAML block in a file, beside files with the branches that it names on the right."""
    page = (REPOSITORY / "docs/data.md").read_text()
    block = page.partition("```yaml\n")[2].partition("```")[0]
    names = dict(
        re.findall(r"^  (\w+): (\w+)$", block.partition("inputs:")[0].partition("preprocess:")[0], re.MULTILINE)
    )
    assert len(names) == 8
    for seed, split in enumerate(("train", "val")):
        table = toy_table(100, "QCD", seed)
        jets = {theirs: ak.values_astype(ak.Array(table[ours]), "float32") for ours, theirs in names.items()}
        (tmp_path / split).mkdir()
        with uproot.recreate(tmp_path / split / "jets.root") as file:
            file.mktree("jets", {name: column.type for name, column in jets.items()})
            file["jets"].extend(jets)
    path = tmp_path / "my_jets.yaml"
    path.write_text(block)
    return path


def test_a_network_is_pretrained_on_own_files(data_config: Path) -> None:
    steps = ("--num-epochs", "1", "--steps-per-epoch", "2", "--steps-per-epoch-val", "2", "--optimizer", "AdamW")
    words = (*ENCODER, *PREDICTOR, *steps, "--model-prefix", "own/net")
    succeeded(weaver(data_config.parent, "hepjepa_pretrain", *words, data_config=data_config))
    assert (data_config.parent / "own/net_best_epoch_state.pt").is_file()
