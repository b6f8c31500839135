"""From files of events to a pre-training."""

import pytest

from tests.helpers.data_configs import REPOSITORY
from tests.helpers.experiment_files import known_jets, nanoaod_events, pfnano_events, with_decays, write_events
from tests.helpers.hepjepa_command import hepjepa
from tests.helpers.messages import names
from tests.helpers.weaver_command import FINETUNE, LOADING, PRETRAIN, refused, succeeded, weaver

MAKE = {"pfnano": pfnano_events, "nanoaod": nanoaod_events}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "data_config", "file_format"),
    [
        ("pfnano", "unlabelled", "root"),
        ("nanoaod", "unlabelled_kinpid", "parquet"),
        ("nanoaod", "unlabelled_kin", "root"),
    ],
)
def test_converted_jets_are_pretrained_on(tmp_path, layout, data_config, file_format):
    for seed, split in enumerate(("train", "val")):
        path = write_events(tmp_path / f"{split}.root", MAKE[layout](known_jets(300, seed)))
        done = hepjepa("convert", layout, path, "-o", split, "--format", file_format, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    files = ("--data-train", f"train/*.{file_format}", "--data-val", f"val/*.{file_format}")
    options = (*files, *PRETRAIN, *LOADING, "--model-prefix", "model/net")
    path = REPOSITORY / f"data_configs/CMS/{data_config}.yaml"
    log = succeeded(weaver(tmp_path, "hepjepa_pretrain", *options, data_config=path, split=None))
    assert "standardisation" not in log
    assert (tmp_path / "model/net_best_epoch_state.pt").exists()


@pytest.mark.slow
def test_converted_jets_with_labels_are_fine_tuned_on(tmp_path):
    for seed, split in enumerate(("train", "val")):
        path = write_events(tmp_path / f"{split}.root", with_decays(pfnano_events(known_jets(300, seed))))
        done = hepjepa("convert", "pfnano", path, "-o", split, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert names(done.stdout, "label_Hbb", 100, "label_Hcc", "no label")
    options = ("-o", "from_scratch", "True", "--data-train", "train/*.root", "--data-val", "val/*.root", *FINETUNE)
    log = succeeded(weaver(tmp_path, "hepjepa_finetune", *options, *LOADING, "--model-prefix", "model/net", split=None))
    assert names(log, "Training leaves out", "jets without a class")
    assert names(log, "Validation leaves out", "jets without a class")


@pytest.mark.slow
def test_jets_that_match_nothing_are_no_training(tmp_path):
    """All generator particles lie far away."""
    events = with_decays(pfnano_events(known_jets(300)))
    path = write_events(tmp_path / "nano.root", {**events, "GenPart_eta": events["GenPart_eta"] + 4})
    done = hepjepa("convert", "pfnano", path, "-o", "train", cwd=tmp_path)
    assert names(done.stdout, "no label", 300)
    options = ("-o", "from_scratch", "True", "--data-train", "train/*.root", "--data-val", "train/*.root", *FINETUNE)
    line = refused(weaver(tmp_path, "hepjepa_finetune", *options, *LOADING, "--model-prefix", "model/net", split=None))
    assert names(line, "`labels:`", "all 0")
