"""What a conversion checks of its own result: sums, tracks, kinds, units. Shapes: J jets, C particles."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.common.markdown import markdown_table
from hepjepa_weaver.conversion.constituents import KINDS, Constituents, Floats
from hepjepa_weaver.conversion.jet_batch import FileJets, JetBatch
from hepjepa_weaver.conversion.momenta import Axis, wrapped

SAMPLE = 50_000  # jets whose ratios are kept, and tracks whose errors are
RAW_LIMIT, CORRECTED_LIMIT = 0.01, 0.25
"""Largest deviation of the median sum of particles from the jet pT, without and with energy corrections."""
LEAST_TRACKS = 0.5
"""Smallest fraction of charged particles with a track."""
HARD_TRACK = 5.0  # GeV, above which errors of d0 hardly depend on pT
ERROR_RANGE = (0.005, 0.1)
"""Range in mm of the median error of d0 of such tracks: CMS and Delphes have 0.014 to 0.02 mm, in jets of any pT."""

ADDED = (
    "labels", "jets", "without_particles", "unselected", "particles", "dropped", "charged", "tracks", "ratios",
    "distances", "d0_errors",
)  # fmt: skip
"""Quantities of several files that are added."""


@dataclass
class SelfCheck:
    """Sums over the jets of a file, or of several.

    Attributes:
        jets: number of jets written.
        without_particles: jets left out, as no particle of them has pT above 0.
        unselected: jets left out by the selection.
        particles: number of particles of all jets read.
        dropped: particles left out, with pT 0 or PUPPI weight 0.
        charged: charged particles.
        tracks: charged particles with a track.
        has_tracks: whether the file has columns of tracks.
        kinds: number of particles of each kind.
        ratios: sum of particles over the file's jet pT.
        distances: ΔR of that sum to the file's jet.
        d0_errors: mm, of tracks.
        said_by: what the file's jet pT was made of.
        is_raw: whether the sum has to give it.
        angle_limit: largest median distance.
        notes: what else to tell, such as whether PUPPI weights went in.
        labels: number of jets written with each label, and without any.
    """

    jets: int = 0
    without_particles: int = 0
    unselected: int = 0
    particles: int = 0
    dropped: int = 0
    charged: int = 0
    tracks: int = 0
    has_tracks: bool = False
    kinds: list[int] = field(default_factory=lambda: [0] * len(KINDS))
    ratios: list[Floats] = field(default_factory=list)
    distances: list[Floats] = field(default_factory=list)
    d0_errors: list[Floats] = field(default_factory=list)
    said_by: str = ""
    is_raw: bool = True
    angle_limit: float = 0.0
    notes: list[str] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, batch: JetBatch, parts: Constituents, total: Axis, table: Any) -> None:
        """Count the jets of a batch.

        Args:
            batch: the jets as they were read.
            parts: their particles with pT above 0.
            total: (J,), the sums of their particles.
            table: those that are written.
        """
        written = len(table)
        labels = {name: np.asarray(table[name]) for name in table.fields if name.startswith("label_")}
        if labels:
            self.labels.update({name: int(values.sum()) for name, values in labels.items()})
            self.labels["no label"] += int((np.sum(list(labels.values()), axis=0) == 0).sum())
        with_particles = int((parts.counts(batch.number) > 0).sum())
        self.jets += written
        self.notes = list(dict.fromkeys([*self.notes, *batch.notes]))
        self.without_particles += batch.number - with_particles
        self.unselected += with_particles - written
        self.particles += len(batch.constituents.jet)
        self.dropped += len(batch.constituents.jet) - len(parts.jet)
        is_charged = np.zeros(len(parts.jet), dtype=bool)
        if parts.kind is not None and parts.charge is not None:
            self.kinds = [number + int((parts.kind == place).sum()) for place, number in enumerate(self.kinds)]
            is_charged = parts.charge != 0
        self.charged += int(is_charged.sum())
        if parts.tracks is not None:
            has_track = parts.tracks.has_track()
            self.has_tracks = True
            self.tracks += int((is_charged & has_track).sum())
            if sum(map(len, self.d0_errors)) < SAMPLE:
                self.d0_errors.append(parts.tracks.d0_error[has_track & (parts.pt() > HARD_TRACK)][:SAMPLE].copy())
        if batch.file_jets is not None and sum(map(len, self.ratios)) < SAMPLE:
            self._compare(batch.file_jets, total)

    def _compare(self, jets: FileJets, total: Axis) -> None:
        found = (total.pt > 0) & (jets.pt > 0)
        self.said_by, self.is_raw, self.angle_limit = jets.said_by, jets.is_raw, jets.angle_limit
        self.ratios.append(total.pt[found] / jets.pt[found])
        self.distances.append(np.hypot(total.eta - jets.eta, wrapped(total.phi - jets.phi))[found])

    def require_good(self, path: str, d0_error: str) -> None:
        """Check the sums of a file.

        Args:
            path: the file, for the message.
            d0_error: the branch with the errors of d0, for the message.

        Raises:
            UserError: a check fails; the message names the branch.
        """
        if self.jets == 0:
            raise UserError(f"{path} has no jets with particles left: look at --where, or leave the file out")
        ratio, distance = _median(self.ratios), _median(self.distances)
        limit = RAW_LIMIT if self.is_raw else CORRECTED_LIMIT
        if ratio is not None and abs(ratio - 1) > limit:
            raise UserError(f"{path}: particles add up to {ratio:.3f} of {self.said_by} in the median jet: these are "
                            "not all particles of its jets, or weights are missing. Make the file anew")  # fmt: skip
        if distance is not None and distance > self.angle_limit:
            raise UserError(f"{path}: the sum of the particles lies {distance:.3f} from its jet in the median: links "
                            f"and jets of {self.said_by} do not belong together")  # fmt: skip
        if self.has_tracks and self.charged and self.tracks < LEAST_TRACKS * self.charged:
            raise UserError(f"{path}: {d0_error} is above 0 for {self.tracks} of {self.charged} charged particles: "
                            "tracks are missing")  # fmt: skip
        error = _median(self.d0_errors)
        if error is not None and not ERROR_RANGE[0] < error < ERROR_RANGE[1]:
            raise UserError(f"{path}: {d0_error} has a median of {error:.2g} mm: another unit than the layout's")

    def joined(self, other: "SelfCheck") -> "SelfCheck":
        """Return the sums of both."""
        added = {name: getattr(self, name) + getattr(other, name) for name in ADDED}
        for name in ("ratios", "distances", "d0_errors"):
            values = np.concatenate(added[name]) if added[name] else np.zeros(0)
            added[name] = [values[:SAMPLE].copy()]
        kinds = [a + b for a, b in zip(self.kinds, other.kinds, strict=True)]
        notes = list(dict.fromkeys([*self.notes, *other.notes]))
        has_tracks = self.has_tracks or other.has_tracks
        return replace(other, **added, kinds=kinds, notes=notes, has_tracks=has_tracks)

    def table(self) -> str:
        """Return what was found as a Markdown table."""
        rows = [
            ("jets written", str(self.jets)),
            ("jets without particles, left out", str(self.without_particles)),
            ("jets not selected", str(self.unselected)),
            ("particles", str(self.particles)),
            ("of these with pT or weight 0, left out", str(self.dropped)),
            *((f"{kind}s", _fraction(number, sum(self.kinds))) for kind, number in zip(KINDS, self.kinds, strict=True)),
            ("charged particles with a track", _fraction(self.tracks, self.charged) if self.has_tracks else "–"),
            (f"error of d0 above {HARD_TRACK:g} GeV (mm)", _spread(self.d0_errors)),
            (f"sum of particles over {self.said_by}", _spread(self.ratios)),
            ("ΔR of the sum and the jet", _spread(self.distances)),
            *((name, str(number)) for name, number in self.labels.items() if number),
            *((note, "") for note in self.notes),
        ]
        return markdown_table(("check", "found"), rows, words=1)


def _median(parts: Sequence[Floats]) -> float | None:
    values = np.concatenate(parts) if parts else np.zeros(0)
    return float(np.median(values)) if len(values) else None


def _spread(parts: Sequence[Floats]) -> str:
    """Return median, lowest and highest value."""
    values = np.concatenate(parts) if parts else np.zeros(0)
    return f"{np.median(values):.4g} ({values.min():.4g} to {values.max():.4g})" if len(values) else "–"


def _fraction(part: int, of: int) -> str:
    return f"{100 * part / of:.1f} %" if of else "–"
