from pathlib import Path

import pytest
import torch
import yaml
from torch.utils.data import DataLoader
from weaver.utils.dataset import SimpleIterDataset

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.first_look import FirstLook, check_momenta, fraction_of_other_directions, look_at
from hepjepa_weaver.host.weaver_patches import prepare_weaver
from tests.helpers.data_configs import REPOSITORY, jetclass_config
from tests.helpers.messages import names, naming
from tests.helpers.toy_jets import STEMS, random_jets, weaver_inputs

FOLDER = REPOSITORY / "data_configs/JetClass"
VECTORS = ("part_px", "part_py", "part_pz", "part_energy")


def loader_of(toy_files, data_config=FOLDER / "JetClass_full.yaml", stem="Z*", batch_size=60, split="train"):
    """Weaver's loader of the toy jets: 60 of two classes in one batch, unless told otherwise."""
    prepare_weaver()
    paths = sorted(map(str, (toy_files / split).glob(f"{stem}_000.root")))
    dataset = SimpleIterDataset({"_": paths}, str(data_config), for_training=False, fetch_step=1, name="test")
    return DataLoader(dataset, batch_size=batch_size)


def changed(folder, group="pf_vectors", columns=(), **new_variables):
    """The data config of JetClass with other columns in a group, and variables for them."""
    options = yaml.safe_load((FOLDER / "JetClass_full.yaml").read_text())
    options["new_variables"] |= new_variables
    if columns:
        options["inputs"][group]["vars"] = [[name, None] for name in columns]
    path = Path(folder, "changed.yaml")
    path.write_text(yaml.safe_dump(options, sort_keys=False))
    return path


def said(caplog):
    """What weaver's logger has warned of."""
    return [record.getMessage() for record in caplog.records if record.name == "weaver"]


@pytest.mark.parametrize("features", ["kin", "kinpid", "full"])
def test_good_jets_are_passed_on_unchanged_and_in_silence(toy_files, caplog, features):
    loader = loader_of(toy_files, FOLDER / f"JetClass_{features}.yaml", "*", batch_size=250)
    found = list(FirstLook(loader))
    assert said(caplog) == []
    for batch, expected in zip(found, loader, strict=True):
        for columns, others in zip(batch, expected, strict=True):
            assert columns.keys() == others.keys()
            assert all(torch.equal(columns[name], others[name]) for name in columns)


@pytest.mark.parametrize("stem", STEMS)
def test_no_class_of_jets_gives_a_warning(toy_files, caplog, stem):
    for split in ("train", "val", "test"):
        list(FirstLook(loader_of(toy_files, stem=stem, split=split)))
    assert said(caplog) == []


def test_momenta_in_mev_are_an_error_with_the_remedy(toy_files, tmp_path):
    in_mev = {f"{name}_mev": f"1000 * {name}" for name in VECTORS}
    loader = loader_of(toy_files, changed(tmp_path, columns=[*in_mev], **in_mev))
    with pytest.raises(UserError, match=naming("pf_vectors", "MeV", "1000", "new_variables")):
        list(FirstLook(loader))


def test_momenta_that_start_with_the_energy_are_an_error(toy_files, tmp_path):
    loader = loader_of(toy_files, changed(tmp_path, columns=[VECTORS[3], *VECTORS[:3]]))
    with pytest.raises(UserError, match=naming("pf_vectors", "px, py, pz and E", "order")):
        list(FirstLook(loader))


def test_momenta_as_pt_eta_phi_and_energy_are_warned_of(toy_files, tmp_path, caplog):
    polar = {"part_eta": "np.arcsinh(part_pz / part_pt)", "part_phi": "np.arctan2(part_py, part_px)"}
    loader = loader_of(toy_files, changed(tmp_path, columns=["part_pt", *polar, "part_energy"], **polar))
    list(FirstLook(loader))
    (message,) = said(caplog)
    assert names(message, "pf_points", "pf_vectors", "directions")


def test_points_that_are_no_distances_to_the_jet_axis_are_warned_of(toy_files, tmp_path, caplog):
    """Δη and Δφ in the wrong order."""
    list(FirstLook(loader_of(toy_files, changed(tmp_path, "pf_points", ["part_dphi", "part_deta"]))))
    (message,) = said(caplog)
    assert names(message, "pf_points", "directions")


def test_a_feature_that_its_standardisation_cuts_is_named_and_no_other(toy_files, tmp_path, caplog):
    loader = loader_of(toy_files, changed(tmp_path, part_e_log="np.log(1000 * part_energy)"))
    list(FirstLook(loader))
    (message,) = said(caplog)
    assert names(message, "standardisation", "part_e_log", "cut", ".auto.yaml")
    assert not any(names(message, name) for name in ("part_pt_log", "part_logptrel", "part_logerel", "part_deltaR"))


def test_a_feature_cut_at_its_lower_limit_is_named_too(toy_files, tmp_path, caplog):
    list(FirstLook(loader_of(toy_files, changed(tmp_path, part_logptrel="np.log(part_pt / jet_pt) - 12"))))
    (message,) = said(caplog)
    assert names(message, "part_logptrel", "cut")


def test_a_feature_far_from_zero_is_named_with_its_median(toy_files, tmp_path, caplog):
    list(FirstLook(loader_of(toy_files, changed(tmp_path, part_deltaR="1.15 + 0 * part_px"))))
    (message,) = said(caplog)
    assert names(message, "part_deltaR", "median of 3.8")


def test_a_loader_is_looked_at_once_and_another_one_anew(toy_files, tmp_path, caplog):
    data_config = changed(tmp_path, part_e_log="np.log(1000 * part_energy)")
    loader = loader_of(toy_files, data_config, batch_size=20)
    for _ in range(2):
        assert len(list(FirstLook(loader))) == 3
    assert len(said(caplog)) == 1
    list(FirstLook(loader_of(toy_files, data_config)))
    assert len(said(caplog)) == 2


# --- single checks ---


def momenta(jets):
    return jets.vectors.double(), jets.is_real


def test_a_few_hard_jets_and_particles_below_their_momentum_are_no_mistake():
    vectors, is_real = momenta(random_jets([20] * 9))
    vectors[:4] *= 1000
    vectors[4:, 3, :9] *= 0.5
    check_momenta(vectors, is_real)


def test_padding_does_not_count():
    """Weaver fills up with the particles of a jet again."""
    vectors, is_real = momenta(random_jets([1, 2, 30]))
    filled = torch.where(is_real.unsqueeze(1), vectors, 1e6)
    filled[:, 3] = torch.where(is_real, vectors[:, 3], 0)
    check_momenta(filled, is_real)
    points = random_jets([1, 2, 30]).points.double()
    other = torch.where(is_real.unsqueeze(1), points, 7.0)
    assert fraction_of_other_directions(filled, other, is_real) == 0


def test_directions_are_compared_across_the_seam_of_phi_and_without_signs():
    jets = random_jets([20] * 5)
    turn = torch.tensor(3.0)
    px, py = jets.vectors[:, 0].clone(), jets.vectors[:, 1].clone()
    vectors, is_real = momenta(jets)
    vectors[:, 0], vectors[:, 1] = turn.cos() * px - turn.sin() * py, turn.sin() * px + turn.cos() * py
    mirrored = jets.points.double() * torch.tensor([-1.0, 1.0])[:, None]
    assert fraction_of_other_directions(vectors, mirrored, is_real) == 0
    mirrored[:, :, 10:] += 0.5
    assert fraction_of_other_directions(vectors, mirrored, is_real) == pytest.approx(10 / 19)


def test_jets_of_one_particle_have_no_directions_to_compare():
    jets = random_jets([1, 1])
    assert fraction_of_other_directions(*momenta(jets)[:1], jets.points.double() + 3, jets.is_real) == 0


def test_a_batch_without_particles_is_passed_over(caplog):
    inputs = dict(
        zip(("pf_points", "pf_features", "pf_vectors", "pf_mask"), weaver_inputs(random_jets([3])), strict=True)
    )
    look_at({name: torch.zeros_like(group) for name, group in inputs.items()}, jetclass_config("full"))
    assert said(caplog) == []
