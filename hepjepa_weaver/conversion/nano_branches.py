"""Names of the branches of PFNano and NanoAOD, which differ between versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hepjepa_weaver.conversion.cms_vertices import vertex_branches
from hepjepa_weaver.conversion.event_tree import first_of, require_branches
from hepjepa_weaver.conversion.request import Request

JETS = "FatJet"
CANDIDATES = ("PFCands", "PFCand")
INDICES = ("pFCandsIdx", "pfCandIdx")
KINEMATICS = ("pt", "eta", "phi", "mass", "pdgId")
TRACKS = {"d0": "d0", "d0Err": "d0_error", "dz": "dz", "dzErr": "dz_error"}
PUPPI = "puppiWeight"
OPTIONAL = ("charge", PUPPI, *TRACKS)
SHAPES = {"msoftdrop": "jet_sdmass", **{f"tau{n}": f"jet_tau{n}" for n in range(1, 5)}}
GENERATOR = ("GenPart_pdgId", "GenPart_status", "GenPart_genPartIdxMother", "GenPart_pt", "GenPart_eta", "GenPart_phi")
GENERATOR_JETS = {"FatJet": ("genJetAK8Idx", "GenJetAK8"), "Jet": ("genJetIdx", "GenJet")}
"""Of each collection of jets, the link to generator-level jets, and their collection."""
OF_JETS = ("pt", "eta", "phi", "rawFactor", *SHAPES)
EVENT = ("run", "luminosityBlock", "event")


@dataclass(frozen=True)
class Branches:
    """Names of the branches of a file.

    Attributes:
        jets: collection of jets.
        candidates: collection of candidates.
        jet_index: the jet of each link.
        candidate_index: the candidate of each link.
        optional: branches of candidates that the file has besides KINEMATICS.
        of_jets: branches of jets that the file has.
        generator: branches of generator particles that the file has: all that labels need, or none.
        generator_jets: link to generator-level jets, and their pT and mass, if the file has all three.
        vertices: branches of secondary vertices, if they are asked for.
        columns: branches to carry over.
    """

    jets: str
    candidates: str
    jet_index: str
    candidate_index: str
    optional: tuple[str, ...]
    of_jets: tuple[str, ...]
    generator: tuple[str, ...]
    generator_jets: tuple[str, ...]
    vertices: tuple[str, ...]
    columns: tuple[str, ...]

    def all(self) -> list[str]:
        """Return the names of all of them."""
        of_candidates = [f"{self.candidates}_{name}" for name in (*KINEMATICS, *self.optional)]
        of_jets = [f"{self.jets}_{name}" for name in self.of_jets]
        others = (*self.generator, *self.generator_jets, *self.vertices, *self.columns)
        return list(dict.fromkeys([self.jet_index, self.candidate_index, *of_candidates, *of_jets, *others]))


def find_branches(known: Sequence[str], request: Request, path: Path) -> Branches:
    """Return the names of the branches among those that a file has.

    Raises:
        UserError: some are missing; the message names all of them.
    """
    jets = request.jets or JETS
    candidates = first_of(known, [f"{name}_pdgId" for name in CANDIDATES])
    of_candidates = candidates.removesuffix("_pdgId") if candidates else CANDIDATES[0]
    links = f"{jets}{of_candidates}"
    index = first_of(known, [f"{links}_{name}" for name in INDICES]) or f"{links}_{INDICES[0]}"
    optional = tuple(name for name in OPTIONAL if f"{of_candidates}_{name}" in known)
    if not set(TRACKS) <= set(optional):
        optional = tuple(name for name in optional if name not in TRACKS)
    of_jets = tuple(name for name in OF_JETS if f"{jets}_{name}" in known)
    generator = GENERATOR if set(GENERATOR) <= set(known) else ()
    link, collection = GENERATOR_JETS.get(jets, ("", ""))
    of_generated = (f"{jets}_{link}", f"{collection}_pt", f"{collection}_mass")
    generated = of_generated if set(of_generated) <= set(known) else ()
    vertices = vertex_branches(known, jets, path) if request.vertices else ()
    columns = tuple(dict.fromkeys([*(name for name in EVENT if name in known), *request.columns]))
    index_of_jet = f"{links}_jetIdx"
    found = Branches(
        jets, of_candidates, index_of_jet, index, optional, of_jets, generator, generated, vertices, columns
    )
    required = [*found.all(), *(f"{jets}_{name}" for name in ("pt", "eta", "phi"))]
    require_branches(path, list(dict.fromkeys(name for name in required if name not in known)), "PFNano or NanoAOD")
    return found
