import pytest
import torch

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.command_line import check_command, is_training
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names, naming
from tests.helpers.networks import weaver_args

CONFIG = REPOSITORY / "data_configs/JetClass/JetClass_full.yaml"
ON_CPU = ("--gpus", "")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def complete(*words, gpus=ON_CPU):
    """Weaver's parsed command line with the defaults that weaver's `main` fills in."""
    args = weaver_args(
        "--data-config", str(CONFIG), "--data-train", "*.root", "--model-prefix", "pre/net", *gpus, *words
    )
    if args.samples_per_epoch is not None:
        args.steps_per_epoch = args.samples_per_epoch // args.batch_size
    for name, source in (
        ("batch_size_val", "batch_size"),
        ("batch_size_test", "batch_size"),
        ("data_config_val", "data_config"),
        ("data_config_test", "data_config"),
        ("fetch_step_val", "fetch_step"),
        ("data_split_val", "data_split_num"),
        ("in_memory_val", "in_memory"),
        ("predict_gpus", "gpus"),
    ):
        if getattr(args, name) is None:
            setattr(args, name, getattr(args, source))
    return args


def check(*words, is_pretraining=False, **kwargs):
    check_command(complete(*words, **kwargs), is_pretraining)


TEST = ("--predict", "--data-test", "test.root", "--model-prefix", "pre/net_best_epoch_state.pt")
TENSORBOARD = ("--tensorboard", "_x", "--tensorboard-custom-fn", "f.py")


@pytest.mark.parametrize("is_pretraining", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--samples-per-epoch", "128"),
        ("--steps-per-epoch", "1", "--num-epochs", "1"),
        ("--data-fraction", "1", "--file-fraction", "0.01", "--data-fraction-val", "0.5"),
        ("--train-val-split", "0.01"),
        ("--train-val-split", "1", "--data-val", "val.root"),
        ("--in-memory", "--fetch-step", "1"),
        ("--in-memory", "--fetch-step", "0"),
        ("--fetch-by-files", "--fetch-step", "2"),
        ("--lr-finder", "1e-5,1,100"),
        ("--lr-finder", "1e-5, 1, 100"),
        ("--data-test", "test.root", "--predict-output", "a/b/c.parquet"),
        ("--run-mode", "train"),
        TEST,
        (*TEST, "--predict-output", "out.root"),
        ("--export-onnx", "net.onnx"),
        ("--tensorboard", "_x"),
    ],
    ids=" ".join,
)
def test_good_command_lines_pass_and_leave_nothing_behind(tmp_path, words, is_pretraining):
    check(*words, is_pretraining=is_pretraining)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--regression-mode",), ("--regression-mode",)),
        (("--in-memory",), ("--in-memory", "--fetch-step 0.01", "--fetch-step 1")),
        (("--in-memory", "--fetch-step", "1", "--fetch-by-files"), ("--in-memory", "--fetch-by-files")),
        (("--samples-per-epoch", "127"), ("--samples-per-epoch 127", "128")),
        (("--samples-per-epoch", "9", "--batch-size", "10"), ("--samples-per-epoch 9", "10")),
        (("--steps-per-epoch", "0"), ("--steps-per-epoch", "0")),
        (("--num-epochs", "0"), ("--num-epochs", "0")),
        (("--num-epochs", "-3"), ("--num-epochs", "-3")),
        (("--train-val-split", "0"), ("--train-val-split", "0.0", "--data-val")),
        (("--train-val-split", "1"), ("--train-val-split", "1.0", "--data-val")),
        (("--train-val-split", "80"), ("--train-val-split", "80.0")),
        (("--data-fraction", "0"), ("--data-fraction", "0.0")),
        (("--data-fraction", "1.5"), ("--data-fraction", "1.5")),
        (("--data-fraction-val", "-0.1"), ("--data-fraction-val", "-0.1")),
        (("--file-fraction", "2"), ("--file-fraction", "2.0")),
        (("--data-split-num", "0"), ("--data-split-num", "0")),
        (("--data-split-val", "0"), ("--data-split-val", "0")),
        (("--lr-finder", "1e-5,1"), ("--lr-finder", "1e-5,1")),
        (("--lr-finder", "1,1e-5,10"), ("--lr-finder", "1,1e-5,10")),
        (("--lr-finder", "1e-5,1,1"), ("--lr-finder", "1e-5,1,1")),
        (("--lr-finder", "0,1,10"), ("--lr-finder", "0,1,10")),
        (("--lr-finder", "1e-5,1,1e2"), ("--lr-finder", "1e-5,1,1e2")),
        (("--lr-finder", "a,b,c"), ("--lr-finder", "a,b,c")),
        (("--lr-finder", ""), ("--lr-finder",)),
        (("--model-prefix", "runs/12:30/net"), ("--model-prefix", "runs/12:30/net")),
    ],
    ids=str,
)
def test_a_training_that_would_fail_late_or_do_something_else_is_refused_by_its_option(words, named):
    with pytest.raises(UserError, match=naming(*named)):
        check(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("--in-memory",),
        ("--regression-mode",),
        ("--num-epochs", "0"),
        ("--train-val-split", "1"),
        ("--data-fraction", "1.5"),
        ("--lr-finder", "1e-5,1"),
        TENSORBOARD,
    ],
    ids=" ".join,
)
def test_options_of_a_training_are_no_matter_in_a_test(words):
    check(*TEST, *words, is_pretraining=True)
    args = complete(*TEST[1:], *words)
    args.run_mode = ["test"]
    check_command(args, True)


def test_options_of_tensorboard_that_pretraining_does_not_follow_are_named():
    with pytest.raises(UserError, match=naming("--tensorboard-custom-fn")):
        check(*TENSORBOARD, is_pretraining=True)
    check(*TENSORBOARD)


def test_a_part_of_a_checkpoint_is_named_behind_a_colon_in_a_test():
    check(*TEST, "--model-prefix", "pre/net_best_epoch_state.pt:target_encoder")


@pytest.mark.parametrize(
    ("words", "is_one"),
    [((), True), (("--predict",), False), (("--run-mode", "test"), False), (("--run-mode", "val,test"), False),
     (("--run-mode", "train"), True)],
)  # fmt: skip
def test_a_training_is_told_from_a_test(words, is_one):
    assert is_training(complete(*words)) is is_one


# --- GPUs ---


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
@pytest.mark.parametrize("words", [(), TEST], ids=["training", "test"])
@pytest.mark.parametrize(("gpus", "named"), [((), "0"), (("--gpus", "1,2"), "1,2")])
def test_gpus_that_are_not_there_are_named_with_the_way_to_the_cpu(words, gpus, named):
    """Number 0 is weaver's default."""
    with pytest.raises(UserError, match=naming("--gpus", named, "''", "CPU")):
        check(*words, gpus=gpus)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_gpus_of_the_prediction_are_looked_at_too():
    with pytest.raises(UserError, match=naming("--predict-gpus", "3", "CPU")):
        check("--predict-gpus", "3")


@pytest.mark.parametrize("gpus", ["2", "0,2"])
@pytest.mark.parametrize("option", ["--gpus", "--predict-gpus"])
def test_more_gpus_than_there_are_are_named(monkeypatch, option, gpus):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UserError, match=naming(option, gpus, "2 GPUs")):
        check(option, gpus)
    check(option, "0,1")
    check("--gpus", "0,1,2,3", "--predict-gpus", "", "--backend", "nccl")  # of several machines


@pytest.mark.parametrize(("words", "is_told"), [(("--use-amp",), True), ((), False)])
def test_mixed_precision_without_a_gpu_is_told(caplog, words, is_told):
    check(*words)
    messages = [record.getMessage() for record in caplog.records if record.name == "weaver"]
    assert any(names(message, "--use-amp", "CPU") for message in messages) is is_told


# --- folders and names ---


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--model-prefix", "file/net"), "--model-prefix"),
        (("--model-prefix", "file/deep/below/net"), "--model-prefix"),
        (("--data-test", "test.root", "--predict-output", "file/out.parquet"), "--predict-output"),
        ((*TEST, "--predict-output", "file/new/out.parquet"), "--predict-output"),
        ((*TEST, "--model-prefix", "file/net.pt", "--predict-output", "out.root"), "--predict-output"),
    ],
    ids=str,
)
def test_a_folder_below_a_file_cannot_be_written_to(tmp_path, words, option):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=naming(option, "file", "written")):
        check(*words)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--model-prefix", "sealed/net"), "--model-prefix"),
        (("--data-test", "test.root", "--predict-output", "sealed/new/out.parquet"), "--predict-output"),
    ],
    ids=str,
)
def test_a_read_only_folder_is_named_with_the_option(tmp_path, monkeypatch, words, option):
    """The superuser may write everywhere, so that the system is asked in his place."""
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    monkeypatch.setattr("os.access", lambda path, _: str(path) != str(sealed))
    with pytest.raises(UserError, match=naming(option, sealed)):
        check(*words)
    check()


def test_the_plot_of_the_learning_rates_needs_a_place(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, _: str(path) != str(tmp_path))
    with pytest.raises(UserError, match=naming("--lr-finder")):
        check("--lr-finder", "1e-5,1,10", "--model-prefix", "")


@pytest.mark.parametrize("words", [("--predict-output", "file/out.parquet"), (*TEST, "--model-prefix", "file/net.pt")])
def test_what_is_not_written_needs_no_folder(tmp_path, words):
    """Without test files there is no prediction, and a test writes no checkpoint."""
    (tmp_path / "file").write_text("")
    check(*words)


@pytest.mark.parametrize("option", ["--data-config", "--data-config-val"])
def test_a_data_config_that_weaver_writes_over_is_named(tmp_path, option):
    (tmp_path / "jets.yml").write_text(CONFIG.read_text().replace("method: manual", "method: auto"))
    with pytest.raises(UserError, match=naming(option, "jets.yml", ".yaml")):
        check(option, "jets.yml", *(("--data-config-val", str(CONFIG)) if option == "--data-config" else ()))
    (tmp_path / "jets.yml").rename(tmp_path / "jets.yaml")
    check(option, "jets.yaml")


def test_a_data_config_to_which_weaver_adds_nothing_may_have_any_name(tmp_path):
    (tmp_path / "jets.yml").write_text(CONFIG.read_text())
    check("--data-config", "jets.yml")
