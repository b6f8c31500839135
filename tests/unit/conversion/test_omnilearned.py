"""OmniLearned's files: jets that are known come back, turned to φ = 0."""

import awkward as ak
import numpy as np
import pytest

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion import omnilearned
from tests.helpers.experiment_files import CODES as CODES_OF_FLAGS
from tests.helpers.experiment_files import known_jets
from tests.helpers.messages import naming
from tests.unit.conversion.test_cms import PARTICLES, TRACKS, assert_particles, converted

JETS = known_jets()[1:]  # the first jet has one particle, which does not tell the sign of η
CODES = [-211, -13, -11, 0, 11, 13, 22, 130, 211]


def axis():
    px, py, pz = (np.asarray(ak.sum(JETS[f"part_{name}"], axis=1)) for name in ("px", "py", "pz"))
    return np.arcsinh(pz / np.hypot(px, py)), np.arctan2(py, px)


def slots(width):
    """As the package's README says how to make `data`: places of codes in the sorted list of codes."""
    pt = np.hypot(JETS.part_px, JETS.part_py)
    eta, phi = axis()
    code = sum(JETS[f"part_{flag}"] * value for flag, value in CODES_OF_FLAGS.items())
    is_lepton = JETS.part_isElectron + JETS.part_isMuon
    code = code * ak.where(JETS.part_charge == 0, 1, JETS.part_charge * (1 - 2 * is_lepton))
    columns = [
        np.arcsinh(JETS.part_pz / pt) - eta, np.arctan2(JETS.part_py, JETS.part_px) - phi, np.log(pt),
        np.log(JETS.part_energy), ak.unflatten(np.searchsorted(CODES, np.asarray(ak.flatten(code))), ak.num(code)),
        np.tanh(JETS.part_d0val), JETS.part_d0err, np.tanh(JETS.part_dzval), JETS.part_dzerr,
    ]  # fmt: skip
    padded = [np.asarray(ak.fill_none(ak.pad_none(column, 150), 0), np.float32) for column in columns[:width]]
    return np.stack(padded, axis=2)


def write(path, data, **others):
    tables = pytest.importorskip("tables")
    with tables.open_file(str(path), "w") as file:
        for name, values in {"data": data, "pid": np.arange(len(data)) + 2, **others}.items():
            file.create_array("/", name, values)
    return path


@pytest.mark.parametrize("width", [4, 5, 9])
def test_jets_come_back(tmp_path, width):
    found = converted(write(tmp_path / "jets.h5", slots(width)), omnilearned)
    eta, _ = axis()
    for name, values in {"pt": JETS.jet_pt, "eta": eta, "energy": JETS.jet_energy}.items():
        np.testing.assert_allclose(found[f"jet_{name}"], values, rtol=1e-3, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(found.jet_phi, 0, atol=1e-4)
    np.testing.assert_allclose(np.hypot(*(ak.flatten(found[f"part_{n}"]) for n in ("px", "py"))),
                               np.hypot(*(ak.flatten(JETS[f"part_{n}"]) for n in ("px", "py"))), rtol=1e-5)  # fmt: skip
    names = [name for name in PARTICLES if name not in ("px", "py", "pz", "energy")] if width > 4 else []
    assert_particles(found, JETS, names)
    for name in TRACKS if width > 5 else ():
        values, wanted = (np.asarray(ak.flatten(jets[f"part_{name}"])) for jets in (found, JETS))
        np.testing.assert_allclose(values, wanted, atol=1e-5, err_msg=name)
    assert ("part_d0val" in found.fields, "part_charge" in found.fields) == (width > 5, width > 4)
    assert found.jet_label.tolist() == list(range(2, 10))


def test_types_of_others_are_refused(tmp_path):
    data = slots(5)
    data[0, 0, 4] = 3
    data[1, 0, 4] = 9
    with pytest.raises(UserError, match=naming("data[:, :, 4]", "[3, 9]")):
        converted(write(tmp_path / "jets.h5", data), omnilearned)


def test_files_of_another_layout_and_options_are_refused(tmp_path):
    path = write(tmp_path / "jets.h5", slots(9)[..., :7])
    with pytest.raises(UserError, match=naming("OmniLearned", "data", "pid")):
        converted(path, omnilearned)
    with pytest.raises(UserError, match=naming("--columns", "mass")):
        converted(write(tmp_path / "good.h5", slots(5)), omnilearned, columns=("mass",))
