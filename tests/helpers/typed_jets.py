"""Jets with particles of every identity."""

from dataclasses import replace

import torch

from hepjepa_weaver.batch.jets import Jets
from hepjepa_weaver.tokens.particle_values import IDENTITIES
from tests.helpers.data_configs import COLUMNS
from tests.helpers.toy_jets import random_jets


def typed_jets(multiplicities: list[int], seed: int = 0, features: str = "full") -> Jets:
    """Random jets whose particles have one of the eight identities each, and possible impact parameters."""
    columns = COLUMNS[features]
    jets = random_jets(multiplicities, len(columns.columns), seed)
    generator = torch.Generator().manual_seed(seed + 1000)
    number = torch.randint(len(IDENTITIES), jets.is_real.shape, generator=generator)
    kind, charge = torch.tensor(IDENTITIES)[number].unbind(-1)
    given = jets.features.clone()
    if columns.identity:
        for place, column in enumerate(columns.identity):
            given[:, column] = charge if place == 0 else (kind == place - 1)
    if columns.displacement:
        given[:, columns.displacement] = given[:, columns.displacement].abs().clamp(0, 1)
    return replace(jets, features=given * jets.is_real.unsqueeze(1))
