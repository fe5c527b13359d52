"""What all results of the API have in common: they are shown in a notebook as in a terminal, and as a page."""

from abc import ABC, abstractmethod
from html import escape
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType

from lit_mia.errors import ReportError

if TYPE_CHECKING:
    from pandas import DataFrame

_WIDTH = 120
_CODE = '<pre style="line-height: 1.2; font-family: monospace; white-space: pre; overflow-x: auto">{code}</pre>'


class Shown(ABC):
    """Something that was found out.

    Attributes:
        folder: Where its files are.
    """

    folder: Path

    @property
    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """All of it, as the values of its JSON file."""

    @abstractmethod
    def table(self) -> "DataFrame":
        """Its rows, with the columns of its CSV file."""

    @abstractmethod
    def terminal(self) -> RenderableType:
        """What is printed of it."""

    @abstractmethod
    def page(self) -> str | None:
        """Its page, as one HTML document that asks for nothing outside itself; None where it has none."""

    def show(self, height: int = 900) -> None:
        """Show the page in a notebook, and print the tables elsewhere.

        Args:
            height: Of the page in the notebook, in pixels.
        """
        page = self.page() if Console().is_jupyter else None
        if page is None:
            Console().print(self.terminal())
            return
        from IPython.display import HTML, display

        display(HTML(f'<iframe srcdoc="{escape(page)}" width="100%" height="{height}" frameborder="0"></iframe>'))

    def _repr_html_(self) -> str:
        """What a notebook shows of it by itself: what the terminal prints."""
        console = Console(file=StringIO(), record=True, width=_WIDTH, force_jupyter=False)
        console.print(self.terminal())
        return console.export_html(inline_styles=True, code_format=_CODE)


def let_notebooks_draw() -> None:
    """Let a notebook show figures that are the last value of a cell, as `%matplotlib inline` does."""
    if Console().is_jupyter:
        from IPython import get_ipython
        from IPython.core.pylabtools import select_figure_formats

        select_figure_formats(get_ipython(), {"png"})


def data_frame(columns: Any) -> "DataFrame":
    """A table of pandas.

    Args:
        columns: Lists of equal length by name, or one mapping for each row.

    Raises:
        ReportError: If pandas is not installed.
    """
    try:
        from pandas import DataFrame
    except ImportError:
        raise ReportError("Tables in Python need pandas, which is not installed. Run `pip install pandas`.") from None
    return DataFrame(columns)
