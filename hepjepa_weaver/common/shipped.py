"""Files that come with the package: network configs, data configs, plans of studies and batch farm recipes.

A checkout has them at its top. An installed package has them under the same names in `hepjepa_weaver/shipped/`.
"""

from pathlib import Path

from hepjepa_weaver.common.errors import UserError

FOLDERS = {
    "network_configs": "network configs",
    "data_configs": "data configs",
    "scripts/studies": "plans of studies",
    "scripts/farm": "batch farms",
}
"""Contents of each folder, by its path."""
PACKAGE = Path(__file__).resolve().parents[1]


def shipped_root() -> Path:
    """Return the folder that holds `network_configs/` and the others."""
    installed = PACKAGE / "shipped"
    return installed if installed.is_dir() else PACKAGE.parent


def shipped_path(name: str) -> Path:
    """Return the absolute path of a shipped file or folder, such as `network_configs/hepjepa_pretrain.py`.

    Raises:
        UserError: nothing of this name is shipped.
    """
    path = shipped_root() / name
    if not any(name == folder or name.startswith(f"{folder}/") for folder in FOLDERS) or not path.exists():
        raise UserError(f"nothing is shipped as {name}: there are {', '.join(shipped_files())}")
    return path


def shipped_files() -> list[str]:
    """Return the names of all shipped files, folder by folder."""
    root = shipped_root()
    return [
        str(path.relative_to(root))
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(".auto.yaml")
    ]


def find_shipped(name: str) -> Path:
    """Return the absolute path of the file or folder that `name` means.

    The name is a whole path, as in `shipped_files`, or the end of one. Its ending may be left out.

    Raises:
        UserError: no shipped file has this name, or several have it.
    """
    files = shipped_files()
    folders = sorted({str(parent) for file in files for parent in Path(file).parents if str(parent) != "."})
    found = [known for known in (*files, *folders) if _means(name, known)]
    if len(found) == 1:
        return shipped_root() / found[0]
    if found:
        raise UserError(f"{name} means {' or '.join(found)}: give more of the path")
    raise UserError(f"nothing shipped is called {name}: `hepjepa where` lists what there is")


def _means(name: str, known: str) -> bool:
    return any(f"/{spelling}".endswith(f"/{name}") for spelling in (known, str(Path(known).with_suffix(""))))
