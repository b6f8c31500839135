from types import SimpleNamespace

import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.input_files import check_data_arguments, count_readable, missing_files
from tests.helpers.networks import weaver_args
from tests.helpers.toy_jets import write_toy_files


def test_good_files_pass(tmp_path):
    folder = write_toy_files(tmp_path / "train", 3)
    check_data_arguments(weaver_args("--data-train", f"qcd:{folder}/Z*.root", f"{folder}/H*.root"))


@pytest.mark.parametrize("option", ["--data-train", "--data-val", "--data-test"])
def test_a_pattern_without_files_is_named(tmp_path, option):
    with pytest.raises(UserError, match=rf"{option} top%10:.*nothing/\*\.root matches no file"):
        check_data_arguments(weaver_args(option, f"top%10:{tmp_path}/nothing/*.root"))


@pytest.mark.parametrize("ending", ["root", "parquet", "h5"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>"])
def test_a_file_that_is_something_else_is_named(tmp_path, ending, content):
    path = tmp_path / f"jets.{ending}"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"jets\.{ending} is no {ending} file"):
        check_data_arguments(weaver_args("--data-test", str(path)))


def test_a_type_that_weaver_does_not_read_is_named(tmp_path):
    (tmp_path / "jets.csv").write_text("pt\n1\n")
    with pytest.raises(UserError, match=r"jets\.csv: weaver reads"):
        check_data_arguments(weaver_args("--data-test", str(tmp_path / "jets.csv")))


@pytest.mark.parametrize("option", ["--data-train", "--data-val"])
def test_a_named_file_that_is_missing_is_left_to_be_told_where_others_are_there(tmp_path, option):
    folder = write_toy_files(tmp_path / "train", 3)
    check_data_arguments(weaver_args(option, f"{folder}/*.root", str(tmp_path / "gone.root")))
    with pytest.raises(UserError, match=r"gone\.root matches no file"):
        check_data_arguments(weaver_args(option, str(tmp_path / "gone.root")))
    assert missing_files([f"a:{folder}/*.root", f"a:{tmp_path}/gone.root"]) == [f"{tmp_path}/gone.root"]


def test_a_column_that_a_file_lacks_is_named_with_both_remedies(tmp_path):
    path = next(write_toy_files(tmp_path / "jets", 3).glob("*.root"))
    config = SimpleNamespace(
        train_load_branches=["part_px", "fatjet_pt"], file_magic=None, branch_magic=None, treename=None
    )
    with pytest.raises(UserError, match=r"\.root has no fatjet_pt.*data config.*leave the file out"):
        count_readable(str(path), config)
