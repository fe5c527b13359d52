"""Model files: where they are, what tells those of one model from those of all others, and what is said of bad ones."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from lit_mia.errors import LitMiaError, TargetError
from lit_mia.models.contents import check_contents

FingerprintValue = str | int | float | bool | None
Fingerprint = dict[str, FingerprintValue]
"""Everything that changes an answer of a model, by name."""

PREFIX = "shipped:"
ASSETS = Path(__file__).parent.parent / "assets"
"""Where a checkout has the shipped models; an installed lit-mia has them from the distribution `lit-mia-demo`."""
DEMO = "lit-mia-demo"
_MODEL_FILES = (".json", ".txt", ".model", ".safetensors", ".bin", ".pt", ".pth")
_INDEX_FILES = ("*.safetensors.index*.json", "*.bin.index*.json")
_ADAPTER = "adapter_config.json"
_OF_TORCH = ("weights_only", "PytorchStreamReader")
"""What stands in what torch says of files that it cannot read."""


def shipped(path: str) -> str:
    """Replace `shipped:<name>` by the folder of that model, and a `~` at the start by the user's folder.

    Args:
        path: A path, a hub id, or `shipped:` and the name of a folder in `<kind>/` of the demo's folder.

    Raises:
        TargetError: If no shipped model has this name, or there are none that fit this installation.
    """
    if path.startswith("~/"):
        return str(Path(path).expanduser())
    if not path.startswith(PREFIX):
        return path
    folders = {folder.name: folder for folder in sorted(demo_folder().glob("*/*")) if folder.is_dir()}
    name = path.removeprefix(PREFIX)
    if name not in folders:
        known = ", ".join(PREFIX + other for other in folders)
        raise TargetError(f"No shipped model is called {path!r}. Available: {known}.")
    return str(folders[name])


def demo_folder() -> Path:
    """The folder of the shipped models: that of a checkout, else that of the distribution `lit-mia-demo`.

    Raises:
        TargetError: If there is neither, or a `lit-mia-demo` of another version than this lit-mia.
    """
    if ASSETS.is_dir():
        return ASSETS
    ours = version("lit-mia")
    install = f"`pip install {DEMO}=={ours}`"
    try:
        installed = distribution(DEMO)
    except PackageNotFoundError as error:
        raise TargetError(f"The shipped models are a package of their own, not installed here: {install}.") from error
    if installed.version != ours:
        raise TargetError(f"{DEMO} {installed.version} does not fit lit-mia {ours}: {install}.")
    return Path(str(installed.locate_file("lit_mia_demo")))


def hub_file(repository: str, name: str, refused: Callable[[str], LitMiaError], revision: str | None = None) -> Path:
    """A file of the Hugging Face hub, in the local cache.

    Args:
        repository: The hub id.
        name: The file's place in the repository.
        refused: Makes the error from the kind of what went wrong.
        revision: Branch, tag or commit; None is the main branch.

    Raises:
        LitMiaError: What `refused` makes, if the hub gives no such file.
    """
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(repository, name, revision=revision))
    except (OSError, ValueError) as error:
        raise refused(type(error).__name__) from error


@contextmanager
def readable(error: type[LitMiaError], said: str) -> Iterator[None]:
    """Turn whatever libraries raise over files that they cannot read into one error; they know no limits in that.

    Args:
        error: What to raise.
        said: The message; what the library says is added to it.
    """
    try:
        yield
    except LitMiaError:
        raise
    except Exception as problem:
        raise error(f"{said}: {told(problem)}") from problem


def told(problem: Exception) -> str:
    """What a library says of a file that it cannot read, without torch's advice to run what code it may hold."""
    of_torch = isinstance(problem, UnpicklingError) or any(name in str(problem) for name in _OF_TORCH)
    return "it is damaged, or holds code, which is never run" if of_torch else str(problem)


def saved_by_torch(file: Path, error: type[LitMiaError], *, mapped: bool = False) -> Any:
    """What is in a file of `torch.save`; code in it is not run.

    Args:
        file: The file.
        error: What to raise.
        mapped: Whether tensors stay on the disk until they are used.

    Raises:
        LitMiaError: If it is empty, cut off, no such file, or holds more than tensors and plain values.
    """
    check_contents(file, error)
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as problem:  # a damaged pickle raises anything
        raise error(
            f"The file {str(file)!r} is no file of torch, is damaged, or holds code, which is never run. Fetch or make "
            "it again."
        ) from problem


def file_digest(file: Path, error: type[LitMiaError] = TargetError) -> str:
    """SHA-256 of a file's contents.

    Raises:
        LitMiaError: If something else was saved in its place.
    """
    check_contents(file, error)
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def digest(folder: Path, files: Iterable[Path], error: type[LitMiaError] = TargetError) -> str:
    """SHA-256 over the contents of files and their places below a folder, in any order.

    Raises:
        LitMiaError: If something else was saved in the place of a file.
    """
    lines = [f"{file.relative_to(folder).as_posix()} {file_digest(file, error)}\n" for file in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def model_digest(path: Path, error: type[LitMiaError] = TargetError) -> str:
    """SHA-256 of a weights file, or of the configuration, tokenizer and weights files of a folder, by name.

    Raises:
        LitMiaError: If something else was saved in the place of a file, an index of weights cannot be read, or the
            folder holds an adapter.
    """
    if path.is_file():
        return file_digest(path, error)
    files = {file for file in path.iterdir() if file.suffix in _MODEL_FILES}
    return digest(path, files | shards(path, error), error)


def shards(folder: Path, error: type[LitMiaError] = TargetError) -> set[Path]:
    """The weights files that the index files of a folder name: they may lie in other folders.

    Raises:
        LitMiaError: If an index cannot be read, or the folder holds an adapter, whose base is elsewhere.
    """
    if (folder / _ADAPTER).is_file():
        raise error(
            f"The folder {str(folder)!r} holds an adapter ({_ADAPTER}), whose base model is outside of it. Merge both "
            "(`merge_and_unload` of peft), save the result and give its folder."
        )
    indices = (index for kind in _INDEX_FILES for index in folder.glob(kind))
    return {shard for index in indices for shard in _shards_of(index, error) if shard.is_file()}


def _shards_of(index: Path, error: type[LitMiaError]) -> set[Path]:
    check_contents(index, error)
    try:
        names = {Path(name) for name in json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise error(f"{str(index)!r} does not say which file holds which weight. Download it again.") from problem
    return {index.parent / name for name in names if not name.is_absolute()}


def versions(*libraries: str) -> dict[str, str]:
    """The releases of some libraries, without what a build adds to them (`+cu128`)."""
    return {library: version(library).split("+")[0] for library in libraries}
