from hepjepa_weaver.search.history import history_table, training_seconds
from hepjepa_weaver.search.plan import Run, Setting

RUN = Run("jepa", Setting("hepjepa_pretrain"), 1)


def epoch(number: int, seconds: float) -> list[str]:
    """What an epoch writes to the log: while training, before its checkpoint, and after validation."""
    return [
        f"INFO: Epoch #{number} training\n",
        f"INFO: Processed 640 jets in {seconds} s (10.0 jets/s)\n",
        f"INFO: Validation: Loss/total/eval (epoch) {number}.5, Pretrain/effective_rank/eval (epoch) 28.0\n",
    ]


def write_logs(folder):
    """Killed in the third epoch, and again in the validation of the same."""
    first = [*epoch(0, 1.5), *epoch(1, 2.0), *epoch(2, 9.0)[:1], "killed"]
    (folder / "pretrain_from-0000.log").write_text("".join(first))
    (folder / "pretrain_from-0002.log").write_text("".join(epoch(2, 0.5)[:2]))
    (folder / "pretrain_from-0003.log").write_text("".join(epoch(3, 1.0)))


def test_wall_time_is_that_of_all_finished_epochs_of_a_run_and_its_continuations(tmp_path):
    write_logs(tmp_path)
    assert [training_seconds(tmp_path, epochs) for epochs in (1, 2, 3, 4)] == [1.5, 3.5, 4.0, 5.0]


def test_every_epoch_of_a_run_is_shown(tmp_path):
    write_logs(tmp_path)
    assert history_table({RUN: tmp_path}, 1280).splitlines()[2:] == [
        "| jepa | 1 | 1 280 | 0.5 | – | – | 28.0 | – |",
        "| jepa | 1 | 2 560 | 1.5 | – | – | 28.0 | – |",
        "| jepa | 1 | 3 840 | – | – | – | – | – |",
        "| jepa | 1 | 5 120 | 3.5 | – | – | 28.0 | – |",
    ]
