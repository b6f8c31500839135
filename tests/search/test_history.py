from hepjepa_weaver.search.history import history_table, training_seconds
from hepjepa_weaver.search.plan import Run, Setting

EPOCH = (
    "INFO: Processed 640 jets in {seconds} s (10.0 jets/s)\n"
    "INFO: Validation: Loss/total/eval (epoch) {loss}, Pretrain/effective_rank/eval (epoch) 28.03810, "
    "Pretrain/target_std/eval (epoch) {other}\n"
)
RUN = Run("jepa", Setting("hepjepa_pretrain"), 1)


def write_logs(folder):
    first, second, third = (EPOCH.format(seconds=s, loss=f"{s}0000", other=s) for s in ("1.5", "2.0", "0.5"))
    (folder / "pretrain_from-0000.log").write_text(first + second + "killed")
    (folder / "pretrain_from-0002.log").write_text(third)


def test_wall_time_is_that_of_all_finished_epochs_of_a_run_and_its_continuations(tmp_path):
    write_logs(tmp_path)
    assert training_seconds(tmp_path) == [1.5, 3.5, 4.0]


def test_every_epoch_of_a_run_is_shown(tmp_path):
    write_logs(tmp_path)
    assert history_table({RUN: tmp_path}, 1280).splitlines()[2:] == [
        "| jepa | 1 | 1 280 | 1.50000 | 1.5 | – | 28.03810 | – |",
        "| jepa | 1 | 2 560 | 2.00000 | 2.0 | – | 28.03810 | – |",
        "| jepa | 1 | 3 840 | 0.50000 | 0.5 | – | 28.03810 | – |",
    ]
