"""Two kinds of tokens: particles, and secondary vertices made from displaced tracks."""

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import onnxruntime
import pytest
import torch
import uproot
from weaver.utils.data.config import DataConfig
from weaver.utils.dataset import _preprocess

from hepjepa_weaver.batch.columns import IS_VERTEX, Column, feature_columns
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, VERTEX_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.datasets import root_files
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.simulation.vertices import add_vertices
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names, naming
from tests.helpers.networks import small_config, small_loss
from tests.helpers.weaver_command import ENCODER, PREDICTOR, refused, succeeded, weaver

PATH = REPOSITORY / "data_configs/CMS/pf_sv.yaml"
GROUPS = (*REQUIRED_GROUPS, *VERTEX_GROUPS)
CONFIG = DataConfig.load(str(PATH), load_observers=False)
COLUMNS = feature_columns(CONFIG)
STEPS = ("--num-epochs", "1", "--steps-per-epoch", "3", "--steps-per-epoch-val", "2")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, toy_files: Path) -> Path:
    """Toy jets, whose impact parameters are Gaussian: some tracks are displaced."""
    folder = tmp_path_factory.mktemp("vertices")
    for split in ("train", "val"):
        (folder / split).mkdir()
        for path in (toy_files / split).iterdir():
            root_files.write_like(path, map(add_vertices, root_files.read_all(path)), folder / split / path.name)
    return folder


@pytest.fixture(scope="module")
def inputs(work: Path) -> tuple[torch.Tensor, ...]:
    """What weaver makes of 30 jets; those among the first 20 that have a vertex get a softer one besides."""
    with uproot.open(work / "train/HToBB_000.root") as file:
        table = file["tree"].arrays(CONFIG.train_load_branches)
    with np.errstate(all="ignore"):
        filled, _ = _preprocess(table, CONFIG, {"mode": "train", "training": True, "reweight": False, "shuffle": False})
    group = {name: torch.from_numpy(np.asarray(filled[f"_{name}"])) for name in CONFIG.input_names}
    for name in VERTEX_GROUPS:
        group[name][:20, :, 1] = group[name][:20, :, 0] * (1.0 if name == "sv_mask" else 0.5)
    return tuple(group.values())


def new_jepa(**options) -> Jepa:
    torch.manual_seed(0)
    config = small_config(**options)
    return Jepa(NetworkInputs(JetReader(CONFIG.input_names, columns=COLUMNS), COLUMNS), config)


def test_vertices_share_the_columns_of_what_particles_have_too():
    assert COLUMNS.names[:17] == tuple(CONFIG.input_dicts["pf_features"])
    own = ("sv_mass_log", "sv_ntracks", "sv_dxy_log", "sv_dxysig_log", "sv_chi2", "sv_costheta", IS_VERTEX)
    assert COLUMNS.names[17:] == own
    named = dict(zip(CONFIG.input_dicts["sv_features"], COLUMNS.vertex_places, strict=True))
    assert COLUMNS.names[named["sv_deta"]] == "part_deta"
    assert COLUMNS.names[named["sv_pt_log"]] == "part_pt_log"
    assert COLUMNS.columns[named["sv_mass_log"]] == Column("sv_mass_log", 0.7, 1.5)


def test_a_vertex_stands_behind_the_particles_of_its_jet(inputs):
    group = dict(zip(CONFIG.input_names, inputs, strict=True))
    jets = JetReader(CONFIG.input_names, columns=COLUMNS)(*inputs)
    is_vertex = jets.features[:, -1] > 0
    particles, vertices = group["pf_mask"].sum(dim=(1, 2)), group["sv_mask"].sum(dim=(1, 2))
    assert vertices.max() > 1
    assert vertices.min() == 0
    assert torch.equal(jets.num_real.float(), particles + vertices)
    assert torch.equal((is_vertex & jets.is_real).sum(dim=1).float(), vertices)
    for number in range(len(particles)):
        chosen = is_vertex[number] & jets.is_real[number]
        assert chosen.nonzero().flatten().tolist() == list(range(int(particles[number]), int(jets.num_real[number])))
        count = int(vertices[number])
        assert torch.equal(jets.vectors[number][:, chosen], group["sv_vectors"][number][:, :count])
        mass = COLUMNS.names.index("sv_mass_log")
        wanted = group["sv_features"][number, CONFIG.input_dicts["sv_features"].index("sv_mass_log"), :count]
        assert torch.equal(jets.features[number, mass][chosen], wanted)
    assert (jets.features[:, 17:].abs().sum(dim=1)[~is_vertex] == 0).all()


@pytest.mark.parametrize("options", [{}, {"rotate": True, "reflect": True, "turn_context": True},
                                     {"mask_strategy": "contiguous", "regression_weight": 1.0}])  # fmt: skip
def test_both_kinds_are_hidden_and_predicted(inputs, options):
    model = new_jepa(**options).train()
    seen, hidden = 0, 0
    for _ in range(3):
        view = model.hide(model.reader(*inputs))
        seen += int(((view.context.features[:, -1] > 0) & view.context.is_real).sum())
        hidden += int(((view.hidden.features[:, -1] > 0) & view.hidden.is_real).sum())
    assert min(seen, hidden) > 0
    losses = small_loss(**options)(model(*inputs))
    losses.total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


def test_a_vertex_changes_the_embedding_and_its_padding_does_not(inputs):
    model = new_jepa().eval()
    group = dict(zip(CONFIG.input_names, inputs, strict=True))
    has_one = group["sv_mask"].sum(dim=(1, 2)) > 0
    with torch.no_grad():
        whole = model(*inputs)
        without = {**group, "sv_mask": torch.zeros_like(group["sv_mask"])}
        changed = model(*(without[name] for name in CONFIG.input_names))
        padding = group["sv_mask"] == 0
        other = {**group, "sv_features": torch.where(padding, 7.0, group["sv_features"])}
        same = model(*(other[name] for name in CONFIG.input_names))
    assert ((whole - changed).abs().amax(dim=1) > 1e-4).tolist() == has_one.tolist()
    assert torch.allclose(whole, same, atol=1e-6)


def test_columns_of_different_standardisation_are_refused():
    config = DataConfig.load(str(PATH), load_observers=False)
    config.preprocess_params["sv_pt_log"] = {**config.preprocess_params["sv_pt_log"], "scale": 2.0}
    with pytest.raises(UserError, match=naming("sv_pt_log", "part_pt_log")):
        feature_columns(config)


def test_a_reader_without_columns_wants_particles_alone():
    with pytest.raises(UserError, match=naming("sv_points", *REQUIRED_GROUPS)):
        JetReader(GROUPS)
    with pytest.raises(UserError, match=naming(*GROUPS)):
        JetReader(REQUIRED_GROUPS, columns=COLUMNS)
    assert JetReader(REQUIRED_GROUPS, columns=replace(COLUMNS, vertex_places=None)).vertex_places is None


@pytest.mark.slow
@pytest.mark.parametrize("network", ["hepjepa_pretrain", "mpm_pretrain"])
def test_weaver_pretrains_and_fine_tunes_with_vertices(work: Path, network: str):
    pretrained = (f"--model-prefix={network}/net", *ENCODER, *PREDICTOR, *STEPS)
    succeeded(weaver(work, network, *pretrained, data_config=PATH))
    start = ("--load-model-weights", f"{network}/net_epoch-0_state.pt", "-o", "pooling", "mean")
    tuned = (*start, f"--model-prefix={network}_tuned/net", *ENCODER, *STEPS)
    succeeded(weaver(work, "hepjepa_finetune", *tuned, data_config=PATH))
    test = ("--predict", f"--model-prefix={network}_tuned/net_epoch-0_state.pt", "-o", "pooling", "mean", *ENCODER)
    output = ("--data-test", "val/*.root", "--predict-output", f"predictions/{network}.parquet")
    succeeded(weaver(work, "hepjepa_finetune", *test, *output, data_config=PATH, split=None))
    scores = ak.to_numpy(ak.from_parquet(work / f"predictions/{network}.parquet")["scores"])
    assert scores.shape == (300, 10)
    assert np.isfinite(scores).all()


@pytest.mark.slow
def test_an_exported_encoder_reads_both_kinds(work: Path, inputs):
    model = new_jepa().eval()
    torch.save(model.state_dict(), work / "export.pt")
    words = ("--model-prefix", "export.pt", "--export-onnx", "export/net.onnx", *ENCODER, *PREDICTOR, "-o",
             "composition_weight", "0", "-o", "particle_weight", "1")  # fmt: skip
    succeeded(weaver(work, "hepjepa_pretrain", *words, "-o", "num_layers", "2", data_config=PATH, split=None))
    session = onnxruntime.InferenceSession(str(work / "export/net.onnx"))
    given = {name: value.numpy() for name, value in zip(CONFIG.input_names, inputs, strict=True)}
    (embedding,) = session.run([], given)
    with torch.no_grad():
        assert np.allclose(embedding, model(*inputs), atol=1e-4)


@pytest.mark.slow
def test_networks_for_particles_alone_refuse_vertices(work: Path):
    line = refused(weaver(work, "part", *ENCODER, *STEPS, data_config=PATH))
    assert names(line, *GROUPS)


@pytest.mark.slow
def test_jets_without_labels_are_pretrained_and_chosen_by_effective_rank(work: Path):
    path = REPOSITORY / "data_configs/CMS/unlabelled.yaml"
    options = ("--model-prefix=unlabelled/net", *ENCODER, *PREDICTOR, *STEPS, "--num-epochs", "2")
    log = succeeded(weaver(work, "hepjepa_pretrain", *options, data_config=path))
    assert "effective_rank/eval" in log
    assert "probe_accuracy" not in log
    assert (work / "unlabelled/net_best_epoch_state.pt").exists()
