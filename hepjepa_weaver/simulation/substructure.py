"""Soft-drop mass and N-subjettiness, with FastJet's own tools.

Soft drop: A. Larkoski et al., arXiv:1402.2657, beta = 0, z_cut = 0.1, R0 = 0.8. N-subjettiness: J. Thaler and
K. Van Tilburg, arXiv:1011.2268, beta = 1, normalised with R0 = 0.8, kT axes improved in one pass.
"""

from dataclasses import dataclass

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
    fastjet = import_fastjet()
    if not len(jets):
        return Substructure(np.zeros(0), np.zeros((0, len(N_AXES))))
    # A radius larger than any jet, so that re-clustering with Cambridge/Aachen keeps each jet whole.
    definition = fastjet.JetDefinition(fastjet.cambridge_algorithm, 10 * R0)
    clusters = fastjet.ClusterSequence(four_momenta(jets.constituents, jets.counts), definition)
    groomed = clusters.exclusive_jets_softdrop_grooming(1, beta=BETA, symmetry_cut=Z_CUT, R0=R0)
    tau = clusters.njettiness("NormalizedMeasure", "OnePass_KT_Axes", list(N_AXES), beta=1.0, R0=R0)
    return Substructure(np.asarray(groomed.msoftdrop), np.asarray(tau).reshape(len(jets), len(N_AXES)))
