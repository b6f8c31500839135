"""Meaning of the features of particles and secondary vertices, by their names in data configs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from hepjepa_weaver.common.errors import UserError

TYPES = (
    "part_isChargedHadron",
    "part_isNeutralHadron",
    "part_isPhoton",
    "part_isElectron",
    "part_isMuon",
)
CHARGE = "part_charge"
IS_VERTEX = "is_vertex"
"""The feature that is 1 for a secondary vertex and 0 for a particle."""
DISPLACEMENT = ("part_d0", "part_d0err", "part_dz", "part_dzerr")


@dataclass(frozen=True)
class Column:
    """A feature as the network sees it.

    That is (value - center) · scale, clipped to [low, high]; without a center it is the value itself.
    """

    name: str
    center: float | None = None
    scale: float = 1.0
    low: float = -5.0
    high: float = 5.0

    def original(self, feature: Tensor) -> Tensor:
        """Return the value that belongs to a feature that was not clipped."""
        return feature if self.center is None else feature / self.scale + self.center

    def standardised(self, value: Tensor) -> Tensor:
        """Return the feature that belongs to a value."""
        return value if self.center is None else ((value - self.center) * self.scale).clamp(self.low, self.high)


@dataclass(frozen=True)
class FeatureColumns:
    """The C columns that a network gets, in their order.

    Attributes:
        columns: the C columns.
        vertex_places: column of each of the `sv_features`; None without secondary vertices. A vertex feature shares the
            column of the particle feature with the same meaning (sv_pt_log, part_pt_log). Particles have 0 in the other
            columns of vertices.
    """

    columns: tuple[Column, ...]
    vertex_places: tuple[int, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def where(self, *names: str) -> list[int]:
        """Return the places of those of `names` that are there, in the order of `names`."""
        return [self.names.index(name) for name in names if name in self.names]

    @property
    def identity(self) -> list[int]:
        """Places of charge and particle type."""
        return self.where(CHARGE, *TYPES)

    @property
    def displacement(self) -> list[int]:
        """Places of the impact parameters and their errors."""
        return self.where(*DISPLACEMENT)

    def to_drop(self) -> dict[str, list[int]]:
        """Return the places of what options drop together, by the ending of their names."""
        return {"identity": self.identity, "displacement": self.displacement}

    @property
    def continuous(self) -> list[int]:
        """Places of all but charge and particle type."""
        return [place for place in range(len(self.columns)) if place not in self.identity]


def feature_columns(data_config: Any) -> FeatureColumns:
    """Return the columns of `pf_features` in weaver's data config, and of `sv_features` where it has them.

    With secondary vertices, a last column tells vertices from particles.

    Raises:
        UserError: there are no `pf_features`, or weaver is to compute a standardisation. Also if a vertex feature has
            another standardisation than the particle feature whose column it shares.
    """
    groups = data_config.input_dicts
    if "pf_features" not in groups:
        raise UserError(f"the data config has the inputs {', '.join(groups) or '(none)'}, but no pf_features: add them")
    columns = [_column(name, data_config) for name in groups["pf_features"]]
    if "sv_features" not in groups:
        return FeatureColumns(tuple(columns))
    places = []
    for name in groups["sv_features"]:
        column, names = _column(name, data_config), [known.name for known in columns]
        shared = name.replace("sv_", "part_", 1)
        if shared not in names:
            columns.append(column)
        elif replace(column, name=shared) != columns[names.index(shared)]:
            raise UserError(f"{name} and {shared} share a column: give them the same standardisation")
        places.append(names.index(shared) if shared in names else len(names))
    return FeatureColumns((*columns, Column(IS_VERTEX)), tuple(places))


def saved_columns(features: Sequence[tuple[str, Sequence[float] | None]]) -> FeatureColumns:
    """Return the columns that a checkpoint describes: name, and subtract, multiply, lowest and highest of each."""
    return FeatureColumns(tuple(Column(name, *(standardisation or ())) for name, standardisation in features))


def _column(name: str, data_config: Any) -> Column:
    info = data_config.preprocess_params[name]
    if info["center"] == "auto":
        raise UserError(f"{name} has no standardisation in the data config: give 'subtract' and 'multiply', or null")
    if info["center"] is None:
        return Column(name)
    return Column(name, info["center"], info["scale"], info["min"], info["max"])
