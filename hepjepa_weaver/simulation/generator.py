"""Pythia 8: from a class of jets to batches of events."""

import math
import time
from collections.abc import Sequence
from typing import Any

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.processes import CHARGED_LEPTONS, JetProcess

# Showers and detector hardly move the axis of a jet. Of the jets with |eta| < 2 and all decay products within 0.8 of
# their axis, one in 500 comes from partons further out than this.
MARGIN = 0.2


def import_pythia() -> Any:
    """Import Pythia.

    Raises:
        UserError: Pythia is not installed.
    """
    try:
        import pythia8mc  # noqa: PLC0415 - optional dependency
    except ImportError as error:
        raise UserError("pythia8mc is missing: pip install 'hepjepa-weaver[jets]'") from error
    return pythia8mc


class EventGenerator:
    """Generator of events of one class.

    Attributes:
        seconds: CPU time inside Pythia so far.
        n_events: number of events made.
    """

    def __init__(self, process: JetProcess, seed: int) -> None:
        pythia8 = import_pythia()
        self._pythia = pythia8.Pythia("", False)
        for line in (*process.all_settings, "Random:setSeed = on", f"Random:seed = {seed}"):
            if not self._pythia.readString(line):
                raise ValueError(f"Pythia does not know the setting {line!r}")
        self._veto = make_veto(pythia8, process)  # Pythia itself keeps no reference to the Python object
        self._pythia.setUserHooksPtr(self._veto)
        if not self._pythia.init():
            raise RuntimeError(f"Pythia could not be initialised for {process.stem}")
        self.seconds = 0.0
        self.n_events = 0

    def next_batch(self, n_events: int) -> Any:
        """Return about `n_events` events as `Pythia.nextBatch` gives them; events that fail are left out."""
        start = time.process_time()
        events = self._pythia.nextBatch(n_events)
        if not len(events):
            raise RuntimeError("Pythia made no event")
        self.seconds += time.process_time() - start
        self.n_events += len(events)
        return events

    def charge(self, pdg_id: int) -> float:
        """Return the charge of a PDG code."""
        return float(self._pythia.particleData.charge(pdg_id))


def make_veto(pythia8: Any, process: JetProcess) -> Any:
    """Return a hook that drops an event right after the hard process if it cannot give a jet of this class.

    This makes events cheap: the hard process takes 0.3 % of the time of an event.
    """

    class HardProcessVeto(pythia8.UserHooks):  # type: ignore[misc]
        def canVetoProcessLevel(self) -> bool:
            return True

        def doVetoProcessLevel(self, hard_process: Any) -> bool:
            return not may_give_jet(hard_process, process)

    return HardProcessVeto()


def may_give_jet(hard_process: Any, process: JetProcess) -> bool:
    """Tell whether the partons of the hard process, before any shower, may end up in a jet of the class."""
    entries = map(hard_process.__getitem__, range(5, hard_process.size()))
    products = [p for p in entries if p.status() > 0 and p.idAbs() in process.partons]
    if not process.n_products:
        groups = [[p] for p in products]
    else:
        groups = split_by_top(hard_process, products) if process.is_pair else [products]
    return any(is_jet_like(group, process) for group in groups)


def split_by_top(hard_process: Any, products: Sequence[Any]) -> list[list[Any]]:
    """Divide products into those of the top and of the antitop: their mother (t or W) is positive or negative."""
    groups: list[list[Any]] = [[], []]
    for product in products:
        groups[int(hard_process[product.mother1()].id() < 0)].append(product)
    return groups


def is_jet_like(products: Sequence[Any], process: JetProcess) -> bool:
    """Tell whether the products of one resonance, or a single parton, may end up in one jet of the selection."""
    n_leptons = sum(p.idAbs() in CHARGED_LEPTONS for p in products)
    if process.n_products and (len(products), n_leptons) != (process.n_products, process.n_leptons):
        return False
    px, py, pz = (sum(getattr(p, axis)() for p in products) for axis in ("px", "py", "pz"))
    pt = math.hypot(px, py)
    eta, phi = math.asinh(pz / pt), math.atan2(py, px)
    selection = process.selection
    if pt < selection.min_hard_pt or abs(eta) > selection.max_abs_eta + MARGIN:
        return False
    reach = selection.radius + MARGIN
    return all(math.hypot(p.eta() - eta, math.remainder(p.phi() - phi, math.tau)) < reach for p in products)
