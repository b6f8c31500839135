"""Jets as no generator makes them, through the real data configs and networks."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from weaver.utils.data.config import DataConfig
from weaver.utils.dataset import _preprocess

from hepjepa_weaver.batch.columns import feature_columns
from hepjepa_weaver.batch.inputs import NetworkInputs
from hepjepa_weaver.batch.reader import REQUIRED_GROUPS, JetReader
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.config import MpmTargetConfig
from hepjepa_weaver.objectives.jepa.network import Jepa
from hepjepa_weaver.objectives.losses import LossTerms
from hepjepa_weaver.objectives.mpm import MpmLoss
from hepjepa_weaver.training.finite import FiniteWatch
from tests.helpers.data_configs import REPOSITORY
from tests.helpers.messages import names
from tests.helpers.networks import small_classifier, small_config, small_jepa, small_loss, small_mpm
from tests.helpers.toy_jets import FLAGS, LABELS

Particle = tuple[float, float, float, float]
"""px, py, pz, E in GeV."""

pytestmark = pytest.mark.slow

OF_EVENTS = "nanoaod_leading"
"""The data config that reads events; tests of the conversion have it."""
DATA_CONFIGS = sorted(path for path in REPOSITORY.glob("data_configs/*/*.yaml") if path.stem != OF_EVENTS)
EXAMPLES = settings(max_examples=15, deadline=None, derandomize=True)
OPTIONS = {"mode": "train", "training": True, "reweight": False, "shuffle": False}
NUMBERS = st.floats(-1000, 1000, width=32)
ORDINARY = st.tuples(st.floats(0.015625, 1000, width=32), NUMBERS, NUMBERS).map(lambda p: (*p, math.hypot(*p) + 0.1))
STRANGE = st.sampled_from(
    [
        (0.0, 0.0, 0.0, 0.0),
        (1e-20, 0.0, 0.0, 1e-20),
        (1e6, 1e6, 1e6, 2e6),
        (3.0, 4.0, 0.0, -5.0),  # negative energy
        (30.0, 40.0, 0.0, 5.0),  # faster than light
        (1.0, 1.0, -9.0, 0.0),
        (math.nan, 1.0, 1.0, 2.0),
        (1.0, 1.0, 1.0, math.nan),
        (math.nan,) * 4,
    ]
)
ABSURD = st.sampled_from(
    [
        (0.0, 0.0, 10.0, 10.0),  # along the beam, at an infinite η
        (0.0, 0.0, -10.0, 10.0),
        (math.inf, 0.0, 0.0, math.inf),
        (1.0, -math.inf, 0.0, 1.0),
        (1.0, 1.0, 1.0, math.inf),
        (1e30, 0.0, 0.0, 1e30),
    ]
)


def repeated(particle: st.SearchStrategy[Particle]) -> st.SearchStrategy[list[Particle]]:
    """The same particle many times."""
    return st.tuples(particle, st.integers(2, 40)).map(lambda pair: [pair[0]] * pair[1])


def collinear(particle: Particle) -> list[Particle]:
    """Of one direction, and one against it."""
    px, py, pz, energy = particle
    return [
        *((share * px, share * py, share * pz, share * energy) for share in (1.0, 0.5, 0.1)),
        (-px, -py, -pz, energy),
    ]


def jets_of(*particles: st.SearchStrategy[Particle]) -> st.SearchStrategy[list[list[Particle]]]:
    """Batches of one to five jets, empty ones among them."""
    particle = st.one_of(*particles)
    jet = st.one_of(st.lists(particle, max_size=40), repeated(particle), particle.map(collinear), st.just([]))
    return st.lists(jet, min_size=1, max_size=5)


ONE = (3.0, 4.0, 0.0, 5.0)
FULL = [ONE] * 200  # more than fit


def columns_of(jets: list[list[Particle]]) -> ak.Array:
    """All columns that any shipped data config reads; the first three particles of a jet are its vertices as well."""
    counts = [len(jet) for jet in jets]
    flat = np.array([particle for jet in jets for particle in jet], np.float32).reshape(-1, 4)
    columns = dict(zip(("px", "py", "pz", "energy"), flat.T, strict=True))
    axis_pt = max(float(np.nansum(np.hypot(columns["px"], columns["py"]))), 0.0)
    columns["deta"] = np.arcsinh(columns["pz"] / np.hypot(columns["px"], columns["py"])) - 0.1
    columns["dphi"] = np.arctan2(columns["py"], columns["px"])
    columns |= {name: np.zeros(len(flat), np.float32) for name in ("charge", "d0val", "d0err", "dzval", "dzerr", "pid")}
    columns |= {name: np.zeros(len(flat), np.float32) for name in FLAGS}
    table = {f"part_{name}": ak.unflatten(value, counts) for name, value in columns.items()}
    table |= {f"sv_{name}": table[f"part_{name}"][:, :3] for name in ("px", "py", "pz", "energy", "deta", "dphi")}
    table |= {f"sv_{name}": table["sv_energy"] for name in ("mass", "ntracks", "dxy", "dxysig", "chi2", "costheta")}
    table |= {f"jet_{name}": np.full(len(jets), axis_pt, np.float32) for name in ("pt", "energy", "eta", "phi")}
    table |= {f"label_{name}": np.full(len(jets), float(name == "QCD"), np.float32) for name in LABELS}
    table |= {
        name: np.zeros(len(jets), np.float32) for name in ("jet_nparticles", "jet_sdmass", "label", "jet_gen_mass")
    }
    table |= {"cwola_background": np.ones(len(jets), np.int32), "cwola_mixed": np.zeros(len(jets), np.int32)}
    table["jet_label"] = np.full(len(jets), 161, np.int32)  # QCD in JetClass-II
    return ak.Array(table)


def read_by(config: DataConfig, jets: list[list[Particle]]) -> tuple[Tensor, ...]:
    """What weaver makes of the jets, group by group."""
    with np.errstate(all="ignore"):
        filled, _ = _preprocess(columns_of(jets), config, OPTIONS)
    return tuple(torch.from_numpy(np.asarray(filled[f"_{name}"], np.float32)) for name in config.input_names)


def read(jets: list[list[Particle]], features: str) -> tuple[Tensor, ...]:
    """With one of JetClass's data configs: pf_points, pf_features, pf_vectors, pf_mask."""
    config = DataConfig.load(str(REPOSITORY / f"data_configs/JetClass/JetClass_{features}.yaml"), load_observers=False)
    assert config.input_names == REQUIRED_GROUPS
    return read_by(config, jets)


def step(model: nn.Module, loss: Callable[[Any], LossTerms], inputs: tuple[Tensor, ...]) -> tuple[LossTerms, Tensor]:
    """Loss and gradient norm of a training step."""
    torch.manual_seed(0)
    losses = loss(model.train()(*inputs))
    losses.total.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return losses, nn.utils.get_total_norm(gradients)


DEFAULT = {"particle_weight": 0.0, "composition_weight": 1.0, "event_weight": 3.0, "variance_weight": 1.0,
           "covariance_weight": 1.0, "rotate": True, "reflect": True, "turn_context": True}  # fmt: skip
PARTICLES = {**DEFAULT, "particle_weight": 1.0, "composition_weight": 0.0}
NETWORKS = {
    "default": lambda features: (small_jepa(features=features, **DEFAULT), small_loss(**DEFAULT)),
    "particles": lambda features: (small_jepa(features=features, **PARTICLES), small_loss(**PARTICLES)),
    "patches": lambda features: (
        small_jepa(features=features, tokens="patches", num_patches=4, patch_size=3, mask_strategy="contiguous"),
        small_loss(),
    ),
    "disjoint patches": lambda features: (
        small_jepa(features=features, tokens="patches", num_patches=4, patch_size=0),
        small_loss(),
    ),
    "balls": lambda features: (small_jepa(features=features, mask_strategy="ball", num_targets=3), small_loss()),
    "mpm": lambda features: (small_mpm(features=features), MpmLoss(MpmTargetConfig())),
}


@pytest.mark.parametrize("features", ["kin", "full"])
@pytest.mark.parametrize("network", NETWORKS)
@EXAMPLES
@given(jets=jets_of(ORDINARY, STRANGE))
@example(jets=[[]])
@example(jets=[[], []])
@example(jets=[[ONE], [ONE]])
@example(jets=[FULL, [ONE]])
@example(jets=[collinear((1.0, 1.0, 1.0, math.nan)), [ONE]])
def test_loss_and_gradients_are_finite(features: str, network: str, jets: list[list[Particle]]) -> None:
    model, loss = NETWORKS[network](features)
    inputs = read(jets, features)
    try:
        losses, norm = step(model, loss, inputs)
    except UserError as error:
        assert len(jets) == 1
        assert "--batch-size" in str(error)  # noqa: PT017
        return
    assert torch.isfinite(losses.total)
    # Norms over nothing but zeros multiply gradients: a batch without any momentum may end in the named error.
    assert torch.isfinite(norm) or not inputs[2].any()


@pytest.mark.parametrize("path", DATA_CONFIGS, ids=lambda path: path.stem)
@EXAMPLES
@given(jets=jets_of(ORDINARY, STRANGE))
@example(jets=[[], [ONE]])
@example(jets=[FULL, [(math.nan,) * 4]])
def test_every_data_config_takes_strange_jets(path: Path, jets: list[list[Particle]]) -> None:
    data_config = DataConfig.load(str(path), load_observers=False)
    columns, config = feature_columns(data_config), small_config(**PARTICLES)
    torch.manual_seed(0)
    model = Jepa(NetworkInputs(JetReader(data_config.input_names, columns=columns), columns), config)
    inputs = read_by(data_config, jets)
    if len(jets) > 1:
        losses, _ = step(model, small_loss(**PARTICLES), inputs)
        assert torch.isfinite(losses.total)
    with torch.no_grad():
        assert torch.isfinite(model.eval()(*inputs)).all()


@EXAMPLES
@given(jets=jets_of(ORDINARY, STRANGE, ABSURD))
def test_what_is_not_finite_is_named(jets: list[list[Particle]]) -> None:
    model, loss = NETWORKS["default"]("full")
    try:
        losses, norm = step(model, loss, read(jets, "full"))
        FiniteWatch().add(losses, norm, 1)
    except UserError as error:
        assert names(str(error), "inputs") or names(str(error), "--batch-size")  # noqa: PT017
        return
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize("network", ["default", "patches", "mpm", "classifier"])
@EXAMPLES
@given(jets=jets_of(ORDINARY, STRANGE, ABSURD))
@example(jets=[FULL, [], [ONE]])
@example(jets=[[(0.0, 0.0, 0.0, 0.0), ONE, (0.0, 0.0, 0.0, 0.0), ONE, ONE], collinear(ONE)])
def test_a_jet_does_not_depend_on_its_neighbours(network: str, jets: list[list[Particle]]) -> None:
    """Nor on the padding that the longest of them brings."""
    model = small_classifier(from_scratch=True) if network == "classifier" else NETWORKS[network]("full")[0]
    model.eval()
    inputs = read(jets, "full")
    with torch.no_grad():
        together = model(*inputs)
        alone = torch.cat([model(*(value[index : index + 1] for value in inputs)) for index in range(len(jets))])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-4, equal_nan=True)


@EXAMPLES
@given(jets=jets_of(ORDINARY, STRANGE))
def test_strange_jets_have_finite_embeddings(jets: list[list[Particle]]) -> None:
    model = small_jepa().eval()
    with torch.no_grad():
        assert torch.isfinite(model(*read(jets, "full"))).all()
