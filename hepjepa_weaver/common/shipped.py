"""Files that are shipped with the package besides code: network configs, data configs, plans, farm recipes."""

from pathlib import Path

import hepjepa_weaver
from hepjepa_weaver.common.errors import UserError

PACKAGE = Path(hepjepa_weaver.__file__).parent
PLACES = (PACKAGE / "shipped", PACKAGE.parent)
"""Folders of these files in an installed package and in a checkout."""


def shipped_path(name: str) -> Path:
    """Return the absolute path of a shipped file.

    Args:
        name: path in the repository, such as network_configs/part.py.

    Raises:
        UserError: there is no such file.
    """
    for place in PLACES:
        if (place / name).is_file():
            return place / name
    raise UserError(f"hepjepa_weaver comes with no {name}")
