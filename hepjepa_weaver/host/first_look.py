"""A look at the first batch of a run: units, order of the momenta, directions and standardisation.

None of these raises an error by itself; the network would train on other jets than meant. `odd_jets` looks for jets
that were converted wrongly.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from hepjepa_weaver.common.errors import UserError
from hepjepa_weaver.host.loaders import Batch, Loader
from hepjepa_weaver.host.odd_jets import odd_jets, seen
from hepjepa_weaver.weaver_api.log import logger

LARGEST_PT = 20_000.0
"""Median of the jets' pT, in GeV, that no collider reaches: the momenta are in MeV."""
MANY = 0.5
"""Fraction of the particles that shows a mistake, and no tail of a distribution."""
FAR, FAR_OF_AUTO = 3.0, 0.5
"""Median of a standardised feature that its standardisation cannot give: as written, and as weaver has computed it."""
SAME_ANGLE = 0.02
"""Difference in η and φ up to which two directions are the same."""


class FirstLook(Loader):
    """Batches, the first of which is looked at; each loader of weaver once.

    Args:
        loader: weaver's.
        on_odd: "warn", or "error" to stop at what is odd.
    """

    def __init__(self, loader: Any, on_odd: str = "warn") -> None:
        super().__init__(loader)
        self.on_odd = on_odd

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.loader:
            if not getattr(self.dataset, "_hepjepa_looked", False):
                self.dataset._hepjepa_looked = True
                look_at(batch[0], self.dataset.config, self.on_odd)
            yield batch


def look_at(inputs: Mapping[str, Tensor], data_config: Any, on_odd: str = "warn") -> None:
    """Look at the inputs of a batch, by name.

    Args:
        inputs: tensors (N, C, P).
        data_config: weaver's.
        on_odd: "warn", or "error".

    Raises:
        UserError: the momenta are in MeV, or not in the order px, py, pz, E. Also if something is odd and `on_odd` is
            "error".
    """
    is_real = inputs["pf_mask"][:, 0] > 0
    if not is_real.any():
        return
    vectors = inputs["pf_vectors"].double()
    check_momenta(vectors, is_real)
    different = fraction_of_other_directions(vectors, inputs["pf_points"].double(), is_real)
    found = []
    if different > MANY:
        found.append(
            f"pf_points and pf_vectors disagree about the directions of {100 * different:.0f} % of the particles: "
            "pf_points are Δη and Δφ to the jet axis, and pf_vectors px, py, pz and E"
        )
    odd = odd_features(inputs["pf_features"], is_real, data_config)
    if odd:
        found.append(
            f"The standardisation does not fit these jets: {'; '.join(odd)}. Look at units, at the data config, and "
            "whether its .auto.yaml is of other jets"
        )
    if not found:  # one mistake makes others look odd
        found = [f"Odd inputs: {text}" for text in odd_jets(seen(inputs, data_config))]
    if found and on_odd == "error":
        raise UserError(f"{'. '.join(found)}. Mend it, or go on with -o check_inputs warn")
    for text in found:
        logger.warning("%s", text)


def check_momenta(vectors: Tensor, is_real: Tensor) -> None:
    """Check momenta `vectors` (N, 4, P) of the particles marked in `is_real` (N, P).

    Raises:
        UserError: they are in MeV, or not in the order px, py, pz, E.
    """
    px, py, pz, energy = vectors.unbind(dim=1)
    pt = (torch.hypot(px, py) * is_real).sum(dim=1).median().item()
    if pt > LARGEST_PT:
        raise UserError(
            f"pf_vectors are in MeV, it seems: the particles of a jet have {pt:.3g} GeV of pT in the median; divide "
            "them by 1000 in `new_variables` of the data config"
        )
    momentum = (px.square() + py.square() + pz.square()).sqrt()
    impossible = (energy < 0.99 * momentum)[is_real].double().mean().item()
    if impossible > MANY:
        raise UserError(
            f"pf_vectors are not px, py, pz and E: the fourth is below the momentum for {100 * impossible:.0f} % of "
            "the particles; put them in this order in the data config"
        )


def fraction_of_other_directions(vectors: Tensor, points: Tensor, is_real: Tensor) -> float:
    """Return the fraction of particles whose distance to the first one is another in `points` than in `vectors`.

    Signs do not count: JetClass takes Δη away from the beam as positive.

    Args:
        vectors: (N, 4, P), in GeV.
        points: (N, 2, P), Δη and Δφ.
        is_real: (N, P), True for a particle.
    """
    px, py, pz, _ = vectors.unbind(dim=1)
    eta = torch.asinh(pz / torch.hypot(px, py).clamp(min=1e-8))
    directions = torch.stack([eta, torch.atan2(py, px)], dim=1)
    one, other = (x - x[:, :, :1] for x in (directions, points))
    turn = 2 * torch.pi
    one, other = (torch.stack([x[:, 0], x[:, 1] - turn * (x[:, 1] / turn).round()], dim=1) for x in (one, other))
    differs = ((one.abs() - other.abs()).abs() > SAME_ANGLE + 0.05 * one.abs()).any(dim=1)
    others = is_real.clone()
    others[:, 0] = False
    return differs[others].double().mean().item() if others.any() else 0.0


def odd_features(features: Tensor, is_real: Tensor, data_config: Any) -> list[str]:
    """Return, in words, the standardised `features` (N, C, P) that are cut for most particles or far from 0."""
    found, automatic = [], automatic_variables(data_config)
    for place, name in enumerate(data_config.input_dicts.get("pf_features", ())):
        info = data_config.preprocess_params[name]
        if info["center"] is None:
            continue
        values = features[:, place][is_real]
        limits = [limit for limit in (info["min"], info["max"]) if limit]
        cut = max(((values == limit).double().mean().item() for limit in limits), default=0.0)
        if cut > MANY:
            found.append(f"{name} is cut at its limit for {100 * cut:.0f} % of the particles")
        elif abs(median := values.median().item()) > (FAR_OF_AUTO if name in automatic else FAR):
            found.append(f"{name} has a median of {median:.1f}")
    return found


def automatic_variables(data_config: Any) -> set[str]:
    """Return the variables whose standardisation weaver computes, so that their median is 0."""
    options = getattr(data_config, "options", {})
    if not str(options.get("preprocess", {}).get("method", "manual")).lower().startswith("auto"):
        return set()
    variables = [var for group in options["inputs"].values() for var in group["vars"]]
    return {var if isinstance(var, str) else var[0] for var in variables if isinstance(var, str) or len(var) == 1}
