"""The layouts of input files that can be converted, each with the module that reads it."""

from hepjepa_weaver.conversion import aspen, delphes, jetclass2, nano, omnilearned
from hepjepa_weaver.conversion.request import Reader

LAYOUTS: dict[str, Reader] = {
    "pfnano": nano,
    "nanoaod": nano,
    "aspen": aspen,
    "jetclass2": jetclass2,
    "delphes": delphes,
    "omnilearned": omnilearned,
}
