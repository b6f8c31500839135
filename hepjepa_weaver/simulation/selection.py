"""Settings that all classes of a data set share: the collisions, the detector, and which jets are kept.

References:
    [1] H. Qu, C. Li, S. Qian, arXiv:2202.03772: JetClass.
    [2] G. Kasieczka et al., arXiv:1902.09914: Top Quark Tagging Reference Dataset.
    [3] P. Komiske, E. Metodiev, J. Thaler, arXiv:1810.05165: quark and gluon jets.
"""

from dataclasses import dataclass

# An unstable particle (K0S, Lambda) that would decay outside the tracker reaches the calorimeter undecayed.
LIFETIMES = (
    "ParticleDecays:limitCylinder = on",
    "ParticleDecays:xyMax = 1290.",
    "ParticleDecays:zMax = 3000.",
)


@dataclass(frozen=True)
class Selection:
    """Collisions and jets of a data set; energies and momenta in GeV.

    Attributes:
        name: name of the data set.
        energy: of the collisions in the centre of mass.
        radius: of the anti-kT jets, and of the match to decay products.
        min_pt: lowest pT of the jets.
        max_pt: highest pT of the jets.
        max_abs_eta: largest |pseudorapidity| of the jets.
        min_hard_pt: lowest pT of the hard process.
        max_hard_pt: highest pT of the hard process.
        by_rapidity: limit the rapidity of the jets, not their pseudorapidity.
        has_detector: use particle-flow candidates, not Pythia's particles.
        pythia: further lines for `Pythia.readString`.
    """

    name: str
    energy: float
    radius: float
    min_pt: float
    max_pt: float
    max_abs_eta: float
    min_hard_pt: float
    max_hard_pt: float
    by_rapidity: bool = False
    has_detector: bool = True
    pythia: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """Lines for `Pythia.readString`."""
        return (
            f"Beams:eCM = {self.energy}",
            "Print:quiet = on",
            *(LIFETIMES if self.has_detector else ()),
            *self.pythia,
            f"PhaseSpace:pTHatMin = {self.min_hard_pt}",
            f"PhaseSpace:pTHatMax = {self.max_hard_pt}",
        )


# Jets from a hard process outside its range are given up for speed. In JetClass these are 4 to 10 % of a class, all
# close to 500 GeV.
JETCLASS = Selection("MiniJetClass", 13000.0, 0.8, 500.0, 1000.0, 2.0, min_hard_pt=460.0, max_hard_pt=1200.0)
TOP_LANDSCAPE = Selection(
    "MiniTop",
    14000.0,
    0.8,
    550.0,
    650.0,
    2.0,
    min_hard_pt=350.0,
    max_hard_pt=1200.0,
    pythia=("PartonLevel:MPI = off",),
)
QUARK_GLUON = Selection(
    "MiniQuarkGluon",
    14000.0,
    0.4,
    500.0,
    550.0,
    1.7,
    min_hard_pt=420.0,
    max_hard_pt=1400.0,
    by_rapidity=True,
    has_detector=False,
)
