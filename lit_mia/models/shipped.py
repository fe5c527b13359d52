"""Names of the models that come with the package."""

from pathlib import Path

from lit_mia.errors import TargetError

PREFIX = "shipped:"
ASSETS = Path(__file__).parent.parent / "assets"


def shipped(path: str) -> str:
    """Replace `shipped:<name>` by the folder of that model; any other path is returned as it is.

    Args:
        path: A path, a hub id, or `shipped:` and the name of a folder in `lit_mia/assets/<kind>/`.

    Raises:
        TargetError: If no shipped model has this name.
    """
    if not path.startswith(PREFIX):
        return path
    folders = {folder.name: folder for folder in sorted(ASSETS.glob("*/*")) if folder.is_dir()}
    name = path.removeprefix(PREFIX)
    if name not in folders:
        known = ", ".join(PREFIX + other for other in folders) or "none in this installation"
        raise TargetError(f"No shipped model is called {path!r}. Available: {known}.")
    return str(folders[name])
