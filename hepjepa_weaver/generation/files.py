"""Generated jets as a ROOT file in JetClass's schema, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from torch import Tensor

from hepjepa_weaver.batch.columns import CHARGE, DISPLACEMENT, TYPES
from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.whole_files import written_whole
from hepjepa_weaver.datasets.root_files import TREE
from hepjepa_weaver.generation.generator import GeneratedJets
from hepjepa_weaver.objectives.next_token.decoded_particles import four_momenta
from hepjepa_weaver.simulation.substructure import substructure_of

KINEMATICS = ("px", "py", "pz", "energy", "deta", "dphi")
JET = ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_nparticles", "jet_sdmass", "jet_tau1", "jet_tau2", "jet_tau3",
       "jet_tau4")  # fmt: skip
HAS_ENDED = "jet_has_ended"
"""Branch that is 0 for a jet that reached the largest number of particles without a stop token."""
IMPACT = {"part_d0": "d0val", "part_d0err": "d0err", "part_dz": "dzval", "part_dzerr": "dzerr"}
"""Branches of JetClass that hold impact parameters and their errors (mm)."""
LARGEST_TANH = 1 - 1e-6


def particle_branches(extra_names: Iterable[str]) -> tuple[str, ...]:
    """Return the branches of particles, without `part_`, of jets whose codes keep these columns."""
    return (*KINEMATICS, *(IMPACT.get(name, name.removeprefix("part_")) for name in extra_names))


def jet_table(jets: GeneratedJets, class_names: tuple[str, ...]) -> Any:
    """Return an awkward array with one record per jet: `part` (ragged records), jet_* and label_* of its classes.

    `jet_eta` and `jet_phi` are the axis of Δη and Δφ; pT and energy are those of the sum of particles.
    Impact parameters are given back from their hyperbolic tangents.
    """
    particles, is_real = jets.particles, jets.particles.is_real
    counts = is_real.sum(dim=1).numpy(force=True)
    vectors = four_momenta(particles, jets.axis_eta)
    columns = dict(zip(("px", "py", "pz", "energy"), vectors.unbind(dim=1), strict=True))
    columns |= {"deta": particles.deta, "dphi": particles.dphi}
    for name in (CHARGE, *TYPES, *DISPLACEMENT):
        if name in particles.extras:
            value = particles.extras[name]
            is_impact = name in DISPLACEMENT and not name.endswith("err")
            value = value.clamp(-LARGEST_TANH, LARGEST_TANH).atanh() if is_impact else value
            columns[IMPACT.get(name, name.removeprefix("part_"))] = value

    def ragged(values: Tensor) -> Any:
        return ak.unflatten(values[is_real].float().numpy(force=True), counts)

    parts = {name: ragged(values) for name, values in columns.items()}
    momenta = ak.zip({"px": parts["px"], "py": parts["py"], "pz": parts["pz"], "E": parts["energy"]})
    table = {"part": ak.zip(parts), **_jet_columns(momenta, jets), HAS_ENDED: jets.has_ended.numpy(force=True)}
    if jets.label is not None:
        label = jets.label.numpy(force=True)
        table |= {name: (label == number).astype(np.int32) for number, name in enumerate(class_names)}
    return ak.zip({name: values.astype(np.int32) if name == HAS_ENDED else values for name, values in table.items()},
                  depth_limit=1)  # fmt: skip


def _jet_columns(momenta: Any, jets: GeneratedJets) -> dict[str, Any]:
    """Return one array (N,) for each of `JET`."""
    px, py, energy = (ak.to_numpy(ak.sum(momenta[name], axis=1)).astype(np.float64) for name in ("px", "py", "E"))
    shapes = substructure_of(ak.values_astype(momenta, np.float64))
    eta = jets.axis_eta.squeeze(1).numpy(force=True)
    values = (np.hypot(px, py), eta, np.zeros_like(eta), energy, ak.to_numpy(ak.num(momenta.px)), shapes.soft_drop_mass,
              *shapes.tau.T)  # fmt: skip
    return {name: np.asarray(value, dtype=np.float32) for name, value in zip(JET, values, strict=True)}


def branch_types(extra_names: Iterable[str], class_names: Iterable[str]) -> dict[str, Any]:
    """Return the types of the branches, as `uproot`'s mktree takes them."""
    record = ", ".join(f"{name}: float32" for name in particle_branches(extra_names))
    return {
        "part": ak.types.from_datashape(f"var * {{{record}}}", highlevel=False),
        **dict.fromkeys(JET, "float32"),
        HAS_ENDED: "int32",
        **dict.fromkeys(class_names, "int32"),
    }


def write_jets(tables: Iterable[Any], types: dict[str, Any], path: Path) -> int:
    """Write tables of jets to a ROOT file, and return the number of jets.

    Raises:
        UserError: the file cannot be written. Nothing is left of it.
    """
    number = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part, uproot.recreate(part) as root:
            tree = root.mktree(TREE, types)
            for table in tables:
                tree.extend({name: table[name] for name in table.fields})
                number += len(table)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"cannot write {path}: {reason}; make room or choose another place with -o") from error
    return number
