"""Anti-kT jets of the candidates, and the window that a data set keeps.

Shapes: J jets, C candidates of a batch. Units: GeV.
"""

from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.candidates import Candidates
from hepjepa_weaver.simulation.events import Bools, Floats, Ints
from hepjepa_weaver.simulation.selection import JETCLASS, Selection


@dataclass(frozen=True)
class Jets:
    """Jets and their constituents, by falling pT.

    Attributes:
        event: (J,), event of each jet.
        pt: (J,), transverse momentum.
        eta: (J,), pseudorapidity.
        phi: (J,), azimuth.
        energy: (J,), energy.
        counts: (J,), number of constituents of each jet.
        constituents: (counts.sum(),) candidates, jet by jet.
    """

    event: Ints
    pt: Floats
    eta: Floats
    phi: Floats
    energy: Floats
    counts: Ints
    constituents: Candidates

    def __len__(self) -> int:
        return len(self.event)

    def __getitem__(self, chosen: Bools) -> "Jets":
        members = np.flatnonzero(np.repeat(chosen, self.counts))
        return Jets(
            self.event[chosen],
            self.pt[chosen],
            self.eta[chosen],
            self.phi[chosen],
            self.energy[chosen],
            self.counts[chosen],
            self.constituents[members],
        )


def import_fastjet() -> Any:
    """Import FastJet and silence its banner.

    Raises:
        UserError: FastJet is not installed.
    """
    try:
        import fastjet  # noqa: PLC0415 - optional dependency
    except ImportError as error:
        raise UserError("fastjet is missing: pip install 'hepjepa-weaver[jets]'") from error
    # The banner would go to standard output, between our tables. FastJet: arXiv:1111.6097, hep-ph/0512210.
    fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)
    return fastjet


def four_momenta(candidates: Candidates, counts: Ints) -> Any:
    """Return candidates as the ragged records that FastJet takes, with `counts` candidates per event or jet."""
    names = {"px": candidates.px, "py": candidates.py, "pz": candidates.pz, "E": candidates.energy}
    return ak.unflatten(ak.zip(names), counts)


def find_jets(candidates: Candidates, n_events: int, selection: Selection = JETCLASS) -> Jets:
    """Return all jets above the selection's lowest pT in the events 0 … n_events - 1, event by event."""
    fastjet = import_fastjet()
    counts = np.bincount(candidates.event, minlength=n_events)
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, selection.radius)
    clusters = fastjet.ClusterSequence(four_momenta(candidates, counts), definition)
    members = clusters.constituent_index(min_pt=selection.min_pt)
    jets_per_event = ak.to_numpy(ak.num(members)).astype(np.int64)
    members = ak.flatten(members)
    n_members = ak.to_numpy(ak.num(members)).astype(np.int64)
    event = np.repeat(np.arange(n_events), jets_per_event)
    first = np.cumsum(counts) - counts
    index = np.repeat(first[event], n_members) + ak.to_numpy(ak.flatten(members)).astype(np.int64)
    return make_jets(candidates[index], event, n_members)


def make_jets(constituents: Candidates, event: Ints, counts: Ints) -> Jets:
    """Sum up the jets' momenta and order their constituents."""
    jet = np.repeat(np.arange(len(counts)), counts)
    pt = np.hypot(constituents.px, constituents.py)
    constituents = constituents[np.lexsort((-pt, jet))]
    px, py, pz, energy = (
        np.bincount(jet, values, len(counts)).astype(np.float64)
        for values in (constituents.px, constituents.py, constituents.pz, constituents.energy)
    )
    jet_pt = np.hypot(px, py)
    return Jets(event, jet_pt, np.arcsinh(pz / jet_pt), np.arctan2(py, px), energy, counts, constituents)


def in_window(jets: Jets, selection: Selection = JETCLASS) -> Bools:
    """Tell which jets (J,) have the pT and the pseudorapidity, or rapidity, of the selection."""
    pz = jets.pt * np.sinh(jets.eta)
    eta = np.arctanh(pz / jets.energy) if selection.by_rapidity else jets.eta
    return (jets.pt > selection.min_pt) & (jets.pt < selection.max_pt) & (np.abs(eta) < selection.max_abs_eta)
