"""The classes of jets, by data set: file stem, label, and the settings with which Pythia makes them."""

from dataclasses import dataclass

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.simulation.selection import JETCLASS, QUARK_GLUON, TOP_LANDSCAPE, Selection

LABELS = (
    "label_QCD",
    "label_Hbb",
    "label_Hcc",
    "label_Hgg",
    "label_H4q",
    "label_Hqql",
    "label_Zqq",
    "label_Wqq",
    "label_Tbqq",
    "label_Tbl",
)

QUARKS_AND_GLUON, CHARGED_LEPTONS = (1, 2, 3, 4, 5, 21), (11, 13)

Z_TO_NEUTRINOS = ("23:onMode = off", "23:onIfAny = 12 14 16")
Z_TO_ANY = ("23:onMode = off", "23:onIfAny = 1 2 3 4 5 12 14 16")
W_TO_QUARKS = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5")
W_TO_LEPTON = ("24:onMode = off", "24:onIfAny = 11 13")
W_TO_ANY = ("24:onMode = off", "24:onIfAny = 1 2 3 4 5 11 13")
Z_JET = ("WeakBosonAndParton:qqbar2gmZg = on", "WeakBosonAndParton:qg2gmZq = on", "WeakZ0:gmZmode = 2")
Z_PAIR = ("WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2")
Z_W = ("WeakDoubleBoson:ffbar2ZW = on",)
TOP_PAIR = ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on")
HIGGS_Z = ("HiggsSM:ffbar2HZ = on", *Z_TO_NEUTRINOS, "25:onMode = off")
HIGGS_TO_WW = ("25:onIfMatch = 24 -24",)


@dataclass(frozen=True)
class JetProcess:
    """One class of jets.

    Attributes:
        name: the class as the label has it ("Hbb").
        stem: start of JetClass's file names.
        settings: lines for `Pythia.readString`.
        n_quarks: number of quarks (or gluons) from the resonance's decay that must lie in the jet. No match is required
            if this and `n_leptons` are 0, as for QCD.
        n_leptons: number of charged leptons from the resonance's decay that must lie in the jet.
        is_pair: the event holds two such resonances, told apart by their charge (tt).
        partons: PDG codes, without sign, of partons of the hard process that may make the jet.
        selection: settings that all classes of the data set share.
    """

    name: str
    stem: str
    settings: tuple[str, ...]
    n_quarks: int
    n_leptons: int = 0
    is_pair: bool = False
    partons: tuple[int, ...] = QUARKS_AND_GLUON + CHARGED_LEPTONS
    selection: Selection = JETCLASS

    @property
    def n_products(self) -> int:
        """Number of decay products that must lie in the jet."""
        return self.n_quarks + self.n_leptons

    @property
    def label(self) -> str:
        """Name of the class's label."""
        return f"label_{self.name}"

    @property
    def all_settings(self) -> tuple[str, ...]:
        """Lines for `Pythia.readString`, those of the data set included."""
        return (*self.selection.settings, *self.settings)


JETCLASS_PROCESSES = (
    JetProcess("QCD", "ZJetsToNuNu", (*Z_JET, *Z_TO_NEUTRINOS), n_quarks=0, n_leptons=0),
    JetProcess("Hbb", "HToBB", (*HIGGS_Z, "25:onIfMatch = 5 -5"), n_quarks=2),
    JetProcess("Hcc", "HToCC", (*HIGGS_Z, "25:onIfMatch = 4 -4"), n_quarks=2),
    JetProcess("Hgg", "HToGG", (*HIGGS_Z, "25:onIfMatch = 21 21"), n_quarks=2),
    JetProcess("H4q", "HToWW4Q", (*HIGGS_Z, *HIGGS_TO_WW, *W_TO_QUARKS), n_quarks=4),
    # Either W may be the leptonic one: the veto on the hard process keeps two quarks and one lepton.
    JetProcess("Hqql", "HToWW2Q1L", (*HIGGS_Z, *HIGGS_TO_WW, *W_TO_ANY), n_quarks=2, n_leptons=1),
    # Likewise either Z may be the one that decays to neutrinos.
    JetProcess("Zqq", "ZToQQ", (*Z_PAIR, *Z_TO_ANY), n_quarks=2),
    JetProcess("Wqq", "WToQQ", (*Z_W, *Z_TO_NEUTRINOS, *W_TO_QUARKS), n_quarks=2),
    JetProcess("Tbqq", "TTBar", (*TOP_PAIR, *W_TO_QUARKS), n_quarks=3, is_pair=True),
    JetProcess("Tbl", "TTBarLep", (*TOP_PAIR, *W_TO_LEPTON), n_quarks=1, n_leptons=1, is_pair=True),
)

# The tops of the Top Landscape come from top pairs that decay to quarks, its QCD jets from dijets.
TOP_PROCESSES = (
    JetProcess("Top", "Top", (*TOP_PAIR, *W_TO_QUARKS), n_quarks=3, is_pair=True, selection=TOP_LANDSCAPE),
    JetProcess("QCD", "QCD", ("HardQCD:all = on",), n_quarks=0, selection=TOP_LANDSCAPE),
)

# Quark jets are those of u, d and s, as in the published files without charm and bottom.
QUARK_GLUON_PROCESSES = (
    JetProcess(
        "Q", "Quark", (Z_JET[1], Z_JET[2], *Z_TO_NEUTRINOS), n_quarks=0, partons=(1, 2, 3), selection=QUARK_GLUON
    ),
    JetProcess("G", "Gluon", (Z_JET[0], Z_JET[2], *Z_TO_NEUTRINOS), n_quarks=0, partons=(21,), selection=QUARK_GLUON),
)

DATA_SETS = {
    processes[0].selection.name: processes for processes in (JETCLASS_PROCESSES, TOP_PROCESSES, QUARK_GLUON_PROCESSES)
}


def find_process(name: str, data_set: str = JETCLASS.name) -> JetProcess:
    """Return the class called `name`: a file stem ("HToBB") or the name in the label ("Hbb").

    Raises:
        UserError: there is no such class.
    """
    processes = DATA_SETS[data_set]
    for process in processes:
        if name in (process.stem, process.name, process.label):
            return process
    raise UserError(f"unknown class {name!r}: choose from {', '.join(process.stem for process in processes)}")
