"""Runs the tutorials of docs/notebooks in a working directory of their own, and keeps what they print.

    python scripts/run_notebooks.py

Progress bars and notes on stderr are left out, so that the pages show what a reader looks for.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
SECONDS = 600


def notebooks() -> list[Path]:
    """The tutorials, in the order of their names."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))


def executed(path: Path, folder: Path, values: Mapping[str, Any] | None = None) -> NotebookNode:
    """A notebook with the outputs of a run in which no cell failed.

    Args:
        path: The notebook, whose cell tagged `parameters` sets what may be changed.
        folder: Working directory of the run.
        values: Other values of what that cell sets; its own if not given.

    Raises:
        CellExecutionError: If a cell fails.
    """
    book = nbformat.read(path, as_version=4)
    if values:
        (cell,) = (cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ()))
        own = {line.split(" = ")[0] for line in cell.source.splitlines()}
        if unknown := values.keys() - own:
            raise KeyError(f"{path.name} has the parameters {sorted(own)}, not {sorted(unknown)}.")
        cell.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": str(folder)}}).execute()
    return book


def readable(book: NotebookNode) -> NotebookNode:
    """The notebook without what changes from run to run, and without stderr."""
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    book.metadata.language_info = {"name": "python"}
    return book


def main() -> None:
    """Run all of them at the size at which they are read."""
    for path in notebooks():
        with TemporaryDirectory() as folder:
            book = readable(executed(path, Path(folder)))
        path.write_text(nbformat.writes(book, indent=1) + "\n", encoding="utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
