"""What shows in a batch of standardised inputs that jets were converted wrongly, by the names of JetClass's features.

Shapes: N jets, P slots, n particles.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.batch.columns import CHARGE, TYPES, Column

SUM_LIMIT = 1e-3
"""Largest deviation of the median jet's sum of particles from its pT: PUPPI weights change sums by some 0.003."""
FEW = 0.01
SHARED = 0.2
"""Fraction of the tracks that have one and the same value only where it stands for something else."""
MANY = 0.5
SATURATED = 0.999  # of a tanh, which many displaced tracks share
HARD_TRACK = 5.0  # GeV, above which errors of d0 hardly depend on pT
SMALLEST_ERROR = 0.005
"""Median error of d0 in mm of such tracks that is in cm: detectors have 0.01 to 0.03 mm, in jets of any pT."""
DISPLACED, DEVIATIONS = 5.0, 3.0
"""Significance of a displaced track, and standard deviations by which their signs have to differ from chance."""
ENOUGH = 1000  # particles, below which a constant may be one by chance


@dataclass(frozen=True)
class Seen:
    """Inputs of a batch, with the standardisation taken back.

    Attributes:
        is_real: (N, P), True for a particle.
        vectors: (N, 4, P), px, py, pz and E in GeV.
        features: (N, P) each, by name.
        is_cut: (N, P) each, by name: where a feature was at a limit of its standardisation.
    """

    is_real: Tensor
    vectors: Tensor
    features: Mapping[str, Tensor]
    is_cut: Mapping[str, Tensor]

    def has(self, *names: str) -> bool:
        """Tell whether all these features are there."""
        return all(name in self.features for name in names)

    def of_particles(self, name: str, chosen: Tensor | None = None) -> Tensor:
        """Return a feature (n,) of all particles, or of those chosen (N, P)."""
        return self.features[name][self.is_real if chosen is None else self.is_real & chosen]

    @property
    def is_charged(self) -> Tensor:
        """Which slots (N, P) have a charge."""
        return self.features[CHARGE] != 0


def seen(inputs: Mapping[str, Tensor], data_config: Any) -> Seen:
    """Return the inputs of a batch with the standardisation taken back.

    Args:
        inputs: tensors (N, C, P) by group.
        data_config: weaver's.
    """
    features, is_cut = {}, {}
    for place, name in enumerate(data_config.input_dicts.get("pf_features", ())):
        info, values = data_config.preprocess_params[name], inputs["pf_features"][:, place].double()
        standardised = info["center"] is not None
        column = Column(name, *((info[key] for key in ("center", "scale", "min", "max")) if standardised else ()))
        features[name] = column.original(values)
        is_cut[name] = ((values <= column.low) | (values >= column.high)) & standardised
    return Seen(inputs["pf_mask"][:, 0] > 0, inputs["pf_vectors"].double(), features, is_cut)


def odd_jets(batch: Seen) -> Iterator[str]:
    """Yield, in words, what is odd and what usually causes it."""
    checks: tuple[Callable[[Seen], str], ...] = (
        kinds, sums, constants, numbers_for_no_track, shared_by_tracks, errors_in_cm, absolute_z, sign_of_d0,
    )  # fmt: skip
    for check in checks:
        found = check(batch)
        if found:
            yield found


def kinds(batch: Seen) -> str:
    """Look for particles that have no type, or several."""
    if not batch.has(*TYPES):
        return ""
    total = sum(batch.of_particles(name) for name in TYPES)
    wrong = (torch.as_tensor(total) != 1).double().mean().item()
    return "" if wrong <= FEW else (
        f"{100 * wrong:.0f} % of the particles have no type, or several: one of {', '.join(TYPES)} is 1, and leptons "
        "are no charged hadrons"
    )  # fmt: skip


def sums(batch: Seen) -> str:
    """Compare the sum of the particles to jet_pt, which part_logptrel tells; jets that fill all slots may be cut."""
    if not batch.has("part_logptrel"):
        return ""
    px, py = (torch.where(batch.is_real, batch.vectors[:, axis], 0.0) for axis in (0, 1))
    pt = torch.hypot(px, py)
    usable = batch.is_real & ~batch.is_cut["part_logptrel"] & (pt > 0)
    leading = torch.where(usable, pt, 0.0).argmax(dim=1, keepdim=True)
    jet_pt = (pt.log() - batch.features["part_logptrel"]).exp().gather(1, leading).squeeze(1)
    whole = usable.any(dim=1) & ~batch.is_real.all(dim=1)
    if not whole.any():
        return ""
    ratio = (torch.hypot(px.sum(dim=1), py.sum(dim=1)) / jet_pt)[whole].median().item()
    return "" if abs(ratio - 1) <= SUM_LIMIT else (
        f"the particles add up to {ratio:.3f} of jet_pt in the median jet: jet_pt has energy corrections, PUPPI "
        "weights are missing, or particles are"
    )  # fmt: skip


def constants(batch: Seen) -> str:
    """Look for features that are the same for all particles; types may be rare."""
    if batch.is_real.sum() < ENOUGH:
        return ""
    names = [name for name in batch.features if name not in (CHARGE, *TYPES)]
    same = [name for name in names if (values := batch.of_particles(name)).min() == values.max()]
    return (same and f"{', '.join(same)} is the same for all particles: leave it out, or look at its branch") or ""


def numbers_for_no_track(batch: Seen) -> str:
    """Look for impact parameters of neutral particles."""
    if not batch.has(CHARGE, "part_d0"):
        return ""
    values = batch.of_particles("part_d0", ~batch.is_charged)
    wrong = (values != 0).double().mean().item() if len(values) else 0.0
    return "" if wrong <= MANY else (
        f"part_d0 is not 0 for {100 * wrong:.0f} % of the neutral particles, and {values.median().item():.2f} in the "
        "median: a number stands for \"no track\", as −1 in CMS's files; it has to be 0"
    )  # fmt: skip


def shared_by_tracks(batch: Seen) -> str:
    """Look for a value that many tracks have."""
    if not batch.has(CHARGE, "part_d0"):
        return ""
    d0 = batch.features["part_d0"]
    told = d0.abs() < SATURATED
    if batch.has("part_d0err"):  # soft particles of CMS have no track, and then 0 in both
        told = told & ((d0 != 0) | (batch.features["part_d0err"] != 0))
    values = batch.of_particles("part_d0", batch.is_charged & told)
    if len(values) < ENOUGH:
        return ""
    found, counts = torch.unique(values, return_counts=True)
    share = counts.max().item() / len(values)
    return "" if share <= SHARED else (
        f"{100 * share:.0f} % of the charged particles have part_d0 {found[counts.argmax()].item():.3g}: their tracks "
        "are missing, and a number stands for that"
    )  # fmt: skip


def errors_in_cm(batch: Seen) -> str:
    """Look for lengths that are not in mm."""
    if not batch.has(CHARGE, "part_d0err"):
        return ""
    is_hard = torch.hypot(batch.vectors[:, 0], batch.vectors[:, 1]) > HARD_TRACK
    values = batch.of_particles("part_d0err", batch.is_charged & (batch.features["part_d0err"] > 0) & is_hard)
    median = values.median().item() if len(values) else SMALLEST_ERROR
    return "" if median >= SMALLEST_ERROR else (
        f"part_d0err is {median:.2g} for the median track above {HARD_TRACK:g} GeV: impact parameters have to be in "
        "mm, and these seem to be in cm"
    )  # fmt: skip


def absolute_z(batch: Seen) -> str:
    """Look for tracks whose dz is not relative to the primary vertex."""
    if not batch.has(CHARGE, "part_dz"):
        return ""
    values = batch.of_particles("part_dz", batch.is_charged).abs()
    far = (values > SATURATED).double().mean().item() if len(values) else 0.0
    return "" if far <= MANY else (
        f"part_dz is above {SATURATED} for {100 * far:.0f} % of the charged particles: dz is not relative to the "
        "primary vertex, as in Delphes' files, or in another unit than mm"
    )  # fmt: skip


def sign_of_d0(batch: Seen) -> str:
    """Look at displaced tracks: most come from decays in front of the jet's particles, which tells the sign of d0."""
    if not batch.has(CHARGE, "part_d0", "part_d0err", "part_dphi"):
        return ""
    d0 = batch.of_particles("part_d0").clamp(-SATURATED, SATURATED).atanh()
    error = batch.of_particles("part_d0err")
    displaced = (error > 0) & (d0.abs() > DISPLACED * error)
    forward = d0 * batch.of_particles("part_dphi").sin()
    ahead = (forward[displaced] > 0).double()
    number = len(ahead)
    deviation = (ahead.mean().item() - 0.5) / (0.25 / number) ** 0.5 if number else 0.0
    return "" if deviation > -DEVIATIONS else (
        f"{100 * (1 - ahead.mean().item()):.0f} % of {number} displaced tracks seem to come from behind the vertex: d0 "
        "has the other sign, as in CMS's files"
    )  # fmt: skip
