"""Secondary vertices of a jet from its displaced tracks, as the `sv_*` columns of CMS-like data configs.

Tracks are straight lines in the transverse plane. Near the beam this is a good approximation: at 1 GeV in 4 T a track
deviates by less than 0.1 mm over 10 mm. Vertices grow around the pair of tracks that fits best. GeV and mm throughout.
Shapes: T tracks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MIN_SIGNIFICANCE = 3.0
"""Lowest |d0| over its error of a displaced track."""
MIN_PT = 0.5
LARGEST_PULL = 3.0
"""Largest distance of a track to its vertex over the track's error."""
LARGEST_RADIUS = 200.0
"""Largest distance of a vertex from the beam, in mm: beyond it, tracks are no longer straight lines."""
COLUMNS = (
    "px", "py", "pz", "energy", "deta", "dphi", "mass", "ntracks", "dxy", "dxysig", "chi2", "costheta",
)  # fmt: skip


@dataclass(frozen=True)
class Lines:
    """Tracks (T,) in the transverse plane: the points v with v · normal (T, 2) = d0, known to `error`."""

    normal: Floats
    d0: Floats
    error: Floats

    def __getitem__(self, chosen: Any) -> "Lines":
        return Lines(self.normal[chosen], self.d0[chosen], self.error[chosen])

    def pulls(self, vertex: Floats) -> Floats:
        """Return the distance of each track to a point (2,), over its error."""
        return np.asarray(np.abs(self.normal @ vertex - self.d0) / self.error)


@dataclass(frozen=True)
class Fit:
    """Fit of a vertex to some tracks.

    Attributes:
        vertex: (2,), the point nearest to the tracks.
        covariance: (2, 2).
        chi2: χ² per degree of freedom, 0 for two tracks.
    """

    vertex: Floats
    covariance: Floats
    chi2: float


def add_vertices(jets: Any) -> Any:
    """Return an awkward table of jets with ragged `sv_*` columns beside JetClass's `part_*` columns."""
    rows = [list(find_vertices(jet)) for jet in _by_jet(jets)]
    counts = [len(vertices) for vertices in rows]
    flat = np.array([vertex for vertices in rows for vertex in vertices], np.float32).reshape(-1, len(COLUMNS))
    columns = {
        f"sv_{name}": ak.unflatten(np.ascontiguousarray(flat[:, place]), counts) for place, name in enumerate(COLUMNS)
    }
    return ak.zip({**{name: jets[name] for name in jets.fields}, **columns}, depth_limit=1)


def find_vertices(jet: dict[str, Floats]) -> Iterator[tuple[float, ...]]:
    """Yield the vertices of a jet, each as the numbers that `COLUMNS` names, the one with the largest pT first.

    Args:
        jet: by name, the numbers of its particles, and jet_eta and jet_phi.
    """
    pt = np.hypot(jet["px"], jet["py"])
    has_error = (jet["charge"] != 0) & (jet["d0err"] > 0) & (pt > MIN_PT)
    significance = np.abs(jet["d0val"]) / np.where(has_error, jet["d0err"], np.inf)
    tracks = np.flatnonzero(significance > MIN_SIGNIFICANCE)
    normal = np.stack([jet["py"][tracks], -jet["px"][tracks]], axis=1) / pt[tracks, None]
    lines = Lines(normal, jet["d0val"][tracks], jet["d0err"][tracks])
    found = []
    for members, fit in grown_vertices(lines):
        chosen = {name: jet[name][tracks[members]] for name in ("px", "py", "pz", "energy", "deta", "dphi")}
        found.append(describe(chosen, fit, float(jet["jet_eta"][0]), float(jet["jet_phi"][0])))
    yield from sorted(found, key=lambda row: -np.hypot(row[0], row[1]))


def grown_vertices(lines: Lines) -> Iterator[tuple[NDArray[np.int64], Fit]]:
    """Yield the tracks of each vertex and its fit; every track is in one vertex at most."""
    left = np.arange(len(lines.d0))
    while len(left) > 1:
        fits = [(np.array(pair), fit_vertex(lines[list(pair)])) for pair in combinations(left, 2)]
        fits = [(pair, fit) for pair, fit in fits if np.linalg.norm(fit.vertex) < LARGEST_RADIUS]
        if not fits:
            return
        # Two lines always meet: the best pair is the one whose vertex most other tracks come close to.
        attached = [left[lines[left].pulls(fit.vertex) < LARGEST_PULL] for _, fit in fits]
        best = max(range(len(fits)), key=lambda index: (len(attached[index]), -np.trace(fits[index][1].covariance)))
        members = attached[best] if len(attached[best]) > 1 else fits[best][0]
        yield members, fit_vertex(lines[members])
        left = np.setdiff1d(left, members)


def fit_vertex(lines: Lines) -> Fit:
    """Fit a vertex by least squares over the distances of the tracks.

    A weak prior keeps almost parallel tracks from meeting far away.
    """
    weighted = lines.normal / lines.error[:, None]
    information = weighted.T @ weighted + np.eye(2) / LARGEST_RADIUS**2
    covariance = np.asarray(np.linalg.inv(information), np.float64)
    vertex = covariance @ (weighted.T @ (lines.d0 / lines.error))
    chi2 = float(np.sum(np.square(lines.pulls(vertex))))
    return Fit(vertex, covariance, chi2 / max(len(lines.d0) - 2, 1) if len(lines.d0) > 2 else 0.0)


def describe(tracks: dict[str, Floats], fit: Fit, jet_eta: float, jet_phi: float) -> tuple[float, ...]:
    """Return the numbers that `COLUMNS` names.

    These are the sum of the tracks' momenta, its position in the jet as JetClass defines it, and its mass. Then come
    the flight length in the transverse plane, its significance, and the cosine between flight and momentum there.
    """
    px, py, pz, energy = (float(tracks[name].sum()) for name in ("px", "py", "pz", "energy"))
    pt, radius = float(np.hypot(px, py)), float(np.linalg.norm(fit.vertex))
    direction = fit.vertex / max(radius, 1e-9)
    error = float(np.sqrt(direction @ fit.covariance @ direction))
    mass = float(np.sqrt(max(energy**2 - px**2 - py**2 - pz**2, 0.0)))
    deta = (float(np.arcsinh(pz / pt)) - jet_eta) * (1 if jet_eta >= 0 else -1)
    dphi = float((np.arctan2(py, px) - jet_phi + np.pi) % (2 * np.pi) - np.pi)
    along = float(direction @ (px, py)) / pt
    return (px, py, pz, energy, deta, dphi, mass, len(tracks["px"]), radius, radius / error, fit.chi2, along)


def _by_jet(jets: Any) -> Iterator[dict[str, Floats]]:
    names = ("px", "py", "pz", "energy", "deta", "dphi", "charge", "d0val", "d0err")
    particles = {name: jets[f"part_{name}"] for name in names}
    counts = ak.to_numpy(ak.num(particles["px"]))
    flat = {name: ak.to_numpy(ak.flatten(values)).astype(np.float64) for name, values in particles.items()}
    stops = np.cumsum(counts)
    axes = {name: ak.to_numpy(jets[name]).astype(np.float64) for name in ("jet_eta", "jet_phi")}
    for index, (start, stop) in enumerate(zip(stops - counts, stops, strict=True)):
        jet = {name: values[start:stop] for name, values in flat.items()}
        yield jet | {name: values[index : index + 1] for name, values in axes.items()}
