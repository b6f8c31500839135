"""What this package expects of weaver, contact by contact: a newer weaver fails here first, and by name."""

import ast
import copy
import inspect
from types import SimpleNamespace

import pytest
import torch
import weaver.train
from torch import nn
from weaver.utils.dataset import SimpleIterDataset
from weaver.utils.nn.tools import evaluate_classification, train_classification

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.typed_values import value_or_text
from hepjepa_weaver.config import EncoderConfig
from hepjepa_weaver.config.run import WeaverOptions
from hepjepa_weaver.host import weaver_patches
from hepjepa_weaver.host.scalar_recorder import ScalarRecorder
from hepjepa_weaver.model.encoder import build_particle_transformer
from hepjepa_weaver.particle_transformer.supported import check_block, check_supported
from hepjepa_weaver.weaver_api.changed import TESTED, WeaverChanged, private
from hepjepa_weaver.weaver_api.command import (
    EPOCHWISE_SCHEDULES,
    STEPWISE_SCHEDULES,
    clip_limit,
    command_line_parser,
    new_optimiser,
    updates_per_step,
)
from hepjepa_weaver.weaver_api.loaders import (
    READERS,
    file_lists,
    read_in_passes,
    reader,
    set_file_lists,
    set_sampler_option,
)
from hepjepa_weaver.weaver_api.networks import Block, ParticleTransformer
from hepjepa_weaver.weaver_api.substitutes import replace_function
from hepjepa_weaver.weaver_api.training import tools
from tests.helpers.networks import SMALL_ENCODER, weaver_args

pytestmark = pytest.mark.contract


def optimiser_and_schedule(name="none", **options):
    args = weaver_args("--optimizer", "AdamW", "--lr-scheduler", name, "--steps-per-epoch", "3", "--num-epochs", "4")
    return new_optimiser(args, nn.Linear(2, 2), **options)


@pytest.mark.parametrize(("options", "limit"), [({}, float("inf")), ({"clip_grad_norm": 2.5}, 2.5)])
def test_weaver_notes_the_largest_gradient_norm_on_the_optimiser(options, limit):
    assert clip_limit(optimiser_and_schedule(**options)[0]) == limit


def test_an_optimiser_without_that_note_is_refused():
    with pytest.raises(WeaverChanged, match="_clip_grad_norm"):
        clip_limit(torch.optim.AdamW(nn.Linear(2, 2).parameters()))


def test_every_schedule_of_weaver_is_known_here():
    choices = next(action.choices for action in command_line_parser()._actions if action.dest == "lr_scheduler")
    assert set(choices) == {*STEPWISE_SCHEDULES, *EPOCHWISE_SCHEDULES}


@pytest.mark.parametrize("name", [*STEPWISE_SCHEDULES, *EPOCHWISE_SCHEDULES])
def test_weaver_marks_the_schedules_that_count_steps(name):
    _, schedule = optimiser_and_schedule(name)
    assert updates_per_step(schedule, name) == (name in STEPWISE_SCHEDULES)


@pytest.mark.parametrize(
    ("name", "mark"), [("flat+cos", None), ("steps", True), ("flat+cos", False), ("a new one", True)]
)
def test_a_schedule_that_is_marked_otherwise_is_refused(name, mark):
    schedule = SimpleNamespace(**({} if mark is None else {"_update_per_step": mark}))
    with pytest.raises(WeaverChanged, match=name.replace("+", r"\+")):
        updates_per_step(schedule, name)


def test_a_dataset_keeps_its_files_where_they_are_looked_for():
    assert "self._init_file_dict = file_dict" in inspect.getsource(SimpleIterDataset.__init__)
    assert "copy.deepcopy(self._init_file_dict)" in inspect.getsource(weaver.utils.dataset)
    loader = SimpleNamespace(dataset=SimpleNamespace(_init_file_dict={"_": ["a.root"]}))
    set_file_lists(loader, {"_": ("b.root",)})
    assert file_lists(loader) == {"_": ["b.root"]}


def test_a_dataset_that_keeps_them_elsewhere_is_refused():
    with pytest.raises(WeaverChanged, match="_init_file_dict"):
        file_lists(SimpleNamespace(dataset=SimpleNamespace()))
    with pytest.raises(WeaverChanged, match="_init_file_dict"):
        set_file_lists(SimpleNamespace(dataset=SimpleNamespace()), {})


@pytest.mark.parametrize("ending", READERS)
def test_weaver_reads_files_by_the_functions_that_are_watched(ending):
    """A watched function that weaver no longer calls would leave failed reads uncounted."""
    assert callable(reader(ending))
    calls = inspect.getsource(weaver.utils.data.fileio._read_files)
    assert f"{READERS[ending]}(" in calls
    assert {"filepath", "branches", "load_range"} <= set(inspect.signature(reader(ending)).parameters)


def test_a_missing_reader_is_named(monkeypatch):
    monkeypatch.delattr(weaver.utils.data.fileio, "_read_hdf5")
    with pytest.raises(WeaverChanged, match="_read_hdf5"):
        reader(".h5")


def test_weaver_evaluates_options_by_the_name_that_is_replaced(monkeypatch):
    assert "ast.literal_eval(v) for k, v in args.network_option" in inspect.getsource(weaver.train.model_setup)
    monkeypatch.setattr(weaver.train, "ast", ast)
    weaver_patches.take_words_as_they_are()
    assert weaver.train.ast.literal_eval is value_or_text
    weaver_patches.take_words_as_they_are()  # a network config is loaded twice
    monkeypatch.setattr(weaver.train, "ast", SimpleNamespace(literal_eval=eval))
    with pytest.raises(WeaverChanged, match="literal_eval"):
        weaver_patches.take_words_as_they_are()


def test_weaver_evaluates_onnx_files_by_the_name_that_is_replaced(monkeypatch):
    assert "from weaver.utils.nn.tools import evaluate_onnx" in inspect.getsource(weaver.train._main)
    monkeypatch.delattr(tools, "evaluate_onnx")
    with pytest.raises(WeaverChanged, match="evaluate_onnx"):
        weaver_patches.check_before_onnx()


@pytest.mark.parametrize(
    ("caller", "call"),
    [
        (weaver.utils.dataset._SimpleIter._try_get_next, "_load_next, self._data_config, filelist, load_ranges"),
        (weaver.utils.dataset._SimpleIter._try_get_next, "self.restart()"),
        (SimpleIterDataset.__iter__, "_SimpleIter(**kwargs)"),
        (SimpleIterDataset.__init__, "self._sampler_options.update(training=True, shuffle=True, reweight=True)"),
        (SimpleIterDataset.__init__, "self._iters = {} if infinity_mode or in_memory else None"),
        (weaver.utils.dataset._preprocess, "_check_labels(table)"),
        (weaver.utils.dataset._preprocess, "_build_weights(table, data_config)"),
        (weaver.utils.dataset._preprocess, "_finalize_inputs(table, data_config)"),
        (weaver.utils.data.preprocess._build_new_variables, "_eval_expr(expr, table)"),
        (weaver.train.save_root, "from weaver.utils.data.fileio import _write_root"),
        (weaver.train._main, "from weaver.utils.lr_finder import LRFinder"),
        (weaver.train._main, "model_setup(args, data_config, device=dev)"),
        (weaver.train._main, "valid_metric > best_valid_metric"),
        (weaver.utils.data.config.DataConfig.copy, "self.options"),
    ],
)
def test_weaver_calls_what_is_replaced_by_its_name(caller, call):
    """A substitute that weaver no longer calls would have no effect, and nobody would notice."""
    caller = getattr(caller, "takes_the_place_of", caller)
    assert call in inspect.getsource(caller)


def test_a_function_that_is_to_be_replaced_and_is_gone_is_named():
    with pytest.raises(WeaverChanged, match="_load_next"):
        replace_function(SimpleNamespace(__name__="weaver.utils.dataset"), "_load_next", lambda present: present)


def test_a_dataset_without_the_options_that_are_set_is_refused():
    loader = SimpleNamespace(dataset=SimpleNamespace())
    with pytest.raises(WeaverChanged, match="_sampler_options"):
        set_sampler_option(loader, "reweight", False)
    with pytest.raises(WeaverChanged, match="_infinity_mode"):
        read_in_passes(loader)


@pytest.mark.parametrize("loop", [train_classification, evaluate_classification])
def test_weavers_loops_write_the_scalars_of_an_epoch_that_are_recorded(loop):
    text = inspect.getsource(loop)
    assert "(epoch)" in text
    assert "Loss/" in text
    assert "Acc/" in text
    recorder = ScalarRecorder(None)
    recorder.write_scalars([("Loss/train", 1.0, 3), ("Loss/eval (epoch)", 0.5, 0), ("Acc/eval (epoch)", 0.7, 0)])
    assert recorder.scalars == {"loss": 0.5, "accuracy": 0.7}


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        (weaver.utils.data.fileio, "_read_files", {"filelist", "branches", "load_ranges"}),
        (weaver.utils.data.preprocess, "_apply_selection", {"table", "selection", "funcs"}),
        (weaver.utils.data.preprocess, "_build_new_variables", {"table", "funcs"}),
        (weaver.utils.dataset, "_finalize_inputs", {"table", "data_config"}),
    ],
)
def test_weaver_has_what_embeddings_of_files_are_read_with(module, name, parameters, monkeypatch):
    found = set(inspect.signature(getattr(module, name)).parameters)
    assert parameters <= found
    monkeypatch.delattr(module, name)
    with pytest.raises(WeaverChanged, match=name):
        private(module, name)


# --- ParticleTransformer ---


def small_part(**changes):
    config = EncoderConfig(**{**SMALL_ENCODER, **changes})
    return build_particle_transformer(17, config, WeaverOptions(), trim=False)


def test_the_blocks_that_are_built_here_are_computed():
    check_supported(small_part())


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"drop_path_rate": 0.1}, "drop_path"),
        ({"layer_scale_init_values": 1e-5}, "ls1"),
        ({"headwise_attn_output_gate": True}, "gate"),
        ({"elementwise_attn_output_gate": True}, "gate"),
        ({"use_qk_norm": True}, "k_norm"),
        ({"scale_attn_mask": True}, "c_mask"),
        ({"scale_heads": False}, "c_attn"),
        ({"scale_resids": False}, "w_resid"),
        ({"activation": "swiglu"}, "fc1_g"),
    ],
)
def test_a_block_with_something_that_is_not_computed_is_refused(settings, named):
    with pytest.raises(WeaverChanged, match=named):
        check_block(Block(embed_dim=16, num_heads=4, **settings))


def test_a_block_with_a_module_or_parameter_that_nobody_knows_is_refused():
    for name, thing in (("new", nn.Linear(2, 2)), ("scale", nn.Parameter(torch.ones(1)))):
        block = Block(embed_dim=16, num_heads=4)
        setattr(block, name, thing)
        with pytest.raises(WeaverChanged, match=name):
            check_block(block)


def test_a_block_without_a_module_is_refused():
    block = Block(embed_dim=16, num_heads=4)
    del block.fc2
    with pytest.raises(WeaverChanged, match="fc2"):
        check_block(block)


@pytest.mark.parametrize(
    "change", [{"include_global_token": True}, {"for_segmentation": True}, {"block_ids_with_attn_mask": [True, False]}]
)
def test_a_whole_part_of_another_kind_is_refused(change):
    part = copy.deepcopy(small_part())
    for name, value in change.items():
        setattr(part, name, value)
    with pytest.raises(WeaverChanged):
        check_supported(part)


@pytest.mark.parametrize(
    "settings", [{"remove_self_pair": True}, {"use_conv_embed": True}, {"pair_extra_dim": 2}, {"trim": True}]
)
def test_a_whole_part_with_something_that_is_not_computed_is_refused(settings):
    wanted = {"use_pre_activation_pair": False, "trim": False, "pair_input_dim": 4, **settings}
    sizes = {"embed_dims": (16,), "pair_embed_dims": (8,), "num_heads": 4, "num_layers": 1, "num_cls_layers": 1}
    with pytest.raises(WeaverChanged):
        check_supported(ParticleTransformer(17, fc_params=None, **sizes, **wanted))


@pytest.mark.parametrize("limit", ["1.0.0", None])
def test_a_limit_of_the_gradient_norm_that_is_no_number_is_named(limit):
    with pytest.raises(UserError, match="-p clip_grad_norm"):
        clip_limit(optimiser_and_schedule(clip_grad_norm=limit)[0])


def test_the_error_names_the_version_that_is_known_to_work():
    assert f"weaver-core=={TESTED}" in str(WeaverChanged("has changed"))
