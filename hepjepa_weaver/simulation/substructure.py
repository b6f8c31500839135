"""Soft-drop mass and N-subjettiness, with FastJet's own tools.

Soft drop: A. Larkoski et al., arXiv:1402.2657, beta = 0, z_cut = 0.1, R0 = 0.8. N-subjettiness: J. Thaler and
K. Van Tilburg, arXiv:1011.2268, beta = 1, normalised with R0 = 0.8, kT axes improved in one pass.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hepjepa_weaver.simulation.clustering import Jets, four_momenta, import_fastjet
from hepjepa_weaver.simulation.events import Floats

BETA, Z_CUT, R0 = 0.0, 0.1, 0.8
N_AXES = (1, 2, 3, 4)


@dataclass(frozen=True)
class Substructure:
    """Substructure of J jets.

    Attributes:
        soft_drop_mass: (J,), in GeV.
        tau: (J, 4), tau_1 … tau_4.
    """

    soft_drop_mass: Floats
    tau: Floats


def substructure(jets: Jets) -> Substructure:
    """Compute soft-drop mass and N-subjettiness of the jets."""
    return substructure_of(four_momenta(jets.constituents, jets.counts))


def substructure_of(momenta: Any) -> Substructure:
    """Compute soft-drop mass and N-subjettiness of J jets from ragged records px, py, pz, E (GeV) of their particles.

    Raises:
        UserError: FastJet is not installed.
    """
    if not len(momenta):
        return Substructure(np.zeros(0), np.zeros((0, len(N_AXES))))
    clusters = whole_jets(momenta)
    tau = clusters.njettiness("NormalizedMeasure", "OnePass_KT_Axes", list(N_AXES), beta=1.0, R0=R0)
    return Substructure(groomed_mass(clusters), np.asarray(tau).reshape(len(momenta), len(N_AXES)))


def soft_drop_mass(jets: Jets) -> Floats:
    """Return the soft-drop mass (J,) of the jets in GeV."""
    return groomed_mass(whole_jets(four_momenta(jets.constituents, jets.counts))) if len(jets) else np.zeros(0)


def whole_jets(momenta: Any) -> Any:
    """Cluster the particles of each of J jets, at least one, with Cambridge/Aachen.

    Raises:
        UserError: FastJet is not installed.
    """
    fastjet = import_fastjet()
    # A radius larger than any jet keeps each jet whole.
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 10 * R0)
    return fastjet.ClusterSequence(momenta, definition)


def groomed_mass(clusters: Any) -> Floats:
    """Return the soft-drop mass (J,) of clustered jets in GeV."""
    groomed = clusters.exclusive_jets_softdrop_grooming(1, beta=BETA, symmetry_cut=Z_CUT, R0=R0)
    return np.asarray(groomed.msoftdrop, np.float64)
