"""What all files of CMS have in common: codes of particle-flow candidates, and lengths. Shape: C particles."""

from pathlib import Path

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.conversion.constituents import CHARGED_HADRON, ELECTRON, LEPTONS, MUON, NEUTRAL_HADRON, PHOTON, Ints

CM_TO_MM = 10.0
KINDS = {211: CHARGED_HADRON, 130: NEUTRAL_HADRON, 1: NEUTRAL_HADRON, 22: PHOTON, 2: PHOTON, **LEPTONS}
"""Kinds by PDG code; 1 is a hadron and 2 an electron or photon in the forward calorimeter."""


def required_kinds(pdg_id: Ints, branch: str, path: Path) -> Ints:
    """Return the kinds (C,) of candidates.

    Args:
        pdg_id: (C,), their codes.
        branch: where these stand, for the message.
        path: the file, for the message.

    Raises:
        UserError: a code is none of CMS's.
    """
    code = np.abs(pdg_id)
    unknown = ~np.isin(code, list(KINDS))
    if unknown.any():
        codes = ", ".join(str(value) for value in np.unique(pdg_id[unknown])[:10])
        raise UserError(f"{path}: {branch} holds {codes}, none of CMS's particle-flow codes")
    kinds = np.zeros(len(code), np.int64)
    for value, kind in KINDS.items():
        kinds[code == value] = kind
    return kinds


def cms_charges(pdg_id: Ints, kind: Ints) -> Ints:
    """Return the charges (C,) that codes and kinds (C,) of candidates imply."""
    is_lepton = (kind == ELECTRON) | (kind == MUON)  # e⁻ and μ⁻ have positive codes
    return np.asarray(np.sign(pdg_id) * ((kind == CHARGED_HADRON).astype(int) - is_lepton))
