"""What sweeps and ablations return: areas at many values, by which settings are chosen; nothing was tested."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self, TypedDict

from rich.console import Group
from rich.text import Text

from lit_mia.cost import Cost
from lit_mia.errors import ReportError
from lit_mia.metrics.sentences import enumerated
from lit_mia.report.base import Origin, Picture, Result, Said
from lit_mia.report.columns import Cell, Place, Table
from lit_mia.report.fields import both_ends, json_values, read_fields, spell_non_finite
from lit_mia.report.forms.fields import Amount, Fields
from lit_mia.report.page import Section, render_page, yaml_text
from lit_mia.report.style import DPI, LINE_COLOURS, LINE_MARKERS, MUTED, Axes, Figure, draw_grid, svg
from lit_mia.report.tables import markdown_table, terminal_table
from lit_mia.report.words import bounds, number

KIND = "exploration"
BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0, "handlelength": 2.6}
"""A legend that stands to the right of the axes."""


class _Timed(TypedDict):
    """Seconds of the whole."""

    seconds_total: Amount


class _InFile(TypedDict):
    """What the file holds in another form than the code."""

    verdict: Said
    cost: Annotated[dict[str, Any], Fields("CostInAll", (Cost, _Timed))]


@dataclass(frozen=True, kw_only=True)
class Exploration(Result):
    """Areas under ROC curves at many values, never on test.

    Attributes:
        title: What its kind is called.
        deed: What was done, as the beginning of a sentence.
        in_file: Typed dict of what the file holds in another form than the class.
        origin: Where it comes from.
        cost: What this run asked, of all targets together.
        splits: The splits whose records were measured together.
        n_members: Members among them.
        n_nonmembers: Non-members among them.
    """

    title: ClassVar[str]
    deed: ClassVar[str]
    in_file: ClassVar[type]
    origin: Origin
    cost: Cost
    splits: tuple[str, ...]
    n_members: int
    n_nonmembers: int

    @classmethod
    def form(cls) -> Fields:
        """The fields of the result, with those of its origin among them."""
        apart = frozenset({"origin", "seconds_total"})
        return Fields(cls.title, (cls, Origin, _InFile, cls.in_file), without=apart, schema=cls.schema)

    @abstractmethod
    def measured(self) -> dict[str, Any]:
        """What `audit.json` holds of this kind alone."""

    @abstractmethod
    def sources(self) -> dict[str, Any]:
        """`details`: title → what is known of the targets; `digests`: hashes of splits and answers."""

    @abstractmethod
    def table(self, place: Place) -> Table:
        """The headline table."""

    @abstractmethod
    def figure(self) -> Figure:
        """The figure."""

    @property
    def counts(self) -> str:
        """`Measured on train and val: 40 members, 38 non-members`."""
        return f"Measured on {enumerated(self.splits)}: {self.n_members} members, {self.n_nonmembers} non-members"

    @property
    def sentence(self) -> str:
        """What was measured, and that nothing was tested."""
        return (
            f"{self.deed} on {enumerated(self.splits)} ({self.n_members} members, {self.n_nonmembers} non-members). "
            "The test split was not opened: these numbers help to choose settings, and claim nothing."
        )

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` alone."""
        try:
            origin = {**numbers, "seconds_total": numbers["cost"]["seconds_total"]}
            return read_fields(cls, {**numbers, "origin": origin})
        except (KeyError, TypeError) as error:
            kind = cls.title.lower()
            raise ReportError(f"The {kind} in {folder} lacks a number ({error!r}). Run it again.") from error

    def numbers(self) -> dict[str, Any]:
        """What `audit.json` holds."""
        origin = asdict(self.origin)
        return json_values(
            {
                "schema": self.schema,
                "name": origin.pop("name"),
                "created": origin.pop("created"),
                "verdict": {"kind": KIND, "sentence": self.sentence},
                "cost": {**asdict(self.cost), "seconds_total": origin.pop("seconds_total")},
                "splits": self.splits,
                "n_members": self.n_members,
                "n_nonmembers": self.n_nonmembers,
                **self.measured(),
                "config": spell_non_finite(origin.pop("config")),
                **origin,
            }
        )

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """The page; it has no images of records."""
        return render_page(self, f"{self.origin.name} · {self.title.lower()}", KIND, _SECTIONS)

    def terminal(self) -> Group:
        """The table, and what this run cost."""
        spent = f"This run: {self.cost.queries} queries, {self.cost.nfe} denoiser evaluations"
        return Group(Text(self.counts, "italic"), terminal_table(self.table("terminal")), Text(), Text(spent))

    def markdown(self) -> str:
        """The table as GitHub Markdown."""
        return markdown_table(self.table("markdown"))

    def write_figure(self, path: Path) -> None:
        """Write the figure as a PNG."""
        self.figure().savefig(path, format="png", dpi=DPI)


def _provenance(result: Exploration) -> dict[str, Any]:
    origin, sources = result.origin, result.sources()
    return {
        "config": yaml_text(origin.config),
        "details": sources["details"],
        "digests": {**sources["digests"], "git": origin.git or "none", "schema": result.schema},
        "versions": origin.versions,
        "footer": f"{origin.created} · {', '.join(['numbers in audit.json', *result.files()])}",
    }


_SECTIONS: tuple[Section[Exploration], ...] = (
    Section("exploration/heading.html.jinja"),
    Section("exploration/table.html.jinja", lambda result: {"table": result.table("page")}),
    Section(
        "exploration/figure.html.jinja",
        lambda result: {"figure": svg(result.figure(), "areas", f"{result.title}: AUC by setting")},
    ),
    Section("exploration/cost.html.jinja"),
    Section("provenance.html.jinja", _provenance),
)


# ---------------------------------------------------------------------- areas in tables and figures


class Area(Protocol):
    """Something whose area was measured."""

    @property
    def auc(self) -> float:
        """Area under the ROC curve."""

    @property
    def auc_lo(self) -> float | None:
        """Lower end of its 95 % interval; None if that cannot be said."""

    @property
    def auc_hi(self) -> float | None:
        """Upper end of its 95 % interval."""


def area_ci(row: Area) -> list[float] | None:
    """The interval of an area; None if it cannot be said."""
    return both_ends(row.auc_lo, row.auc_hi)


def area_ends(rows: Sequence[Area]) -> list[float]:
    """Everything of the areas that is drawn: themselves and the ends of their intervals."""
    return [end for row in rows for end in (row.auc, *(area_ci(row) or ()))]


def area_cell(row: Area) -> Cell:
    """The area and its interval in a table."""
    return Cell(number(row.auc), bounds(area_ci(row)))


def line_style(axes: Axes, rank: int, n: int, dodge: float) -> dict[str, Any]:
    """Colour, marker and place of one of several lines, a little beside the others.

    Args:
        axes: Where it will be drawn.
        rank: Its place among the lines, from 0.
        n: How many lines there are.
        dodge: Points from the first line to the last, so that no error bar hides another.
    """
    from matplotlib.transforms import ScaledTranslation

    figure: Any = axes.figure
    shift = dodge * ((rank + 0.5) / n - 0.5)
    return {
        "color": LINE_COLOURS[rank % len(LINE_COLOURS)],
        "marker": LINE_MARKERS[rank % len(LINE_MARKERS)],
        "transform": axes.transData + ScaledTranslation(shift / 72, 0, figure.dpi_scale_trans),
    }


def draw_areas(axes: Axes, places: Sequence[float], rows: Sequence[Area], **style: Any) -> None:
    """Draw one line of areas with error bars.

    Args:
        axes: Where.
        places: Where each row stands on the x axis.
        rows: The areas.
        style: Of the line.
    """
    reach = [[abs(end - row.auc) for end in area_ci(row) or (row.auc, row.auc)] for row in rows]
    axes.errorbar(
        places,
        [row.auc for row in rows],
        yerr=list(zip(*reach, strict=True)),
        markersize=4.5,
        linewidth=1.2,
        elinewidth=0.9,
        capsize=2,
        **style,
    )


def frame_areas(axes: Axes, areas: Sequence[float], x: str) -> None:
    """Draw the line of chance, and leave room for everything that is drawn.

    Args:
        axes: Where.
        areas: All areas and ends of intervals.
        x: What the x axis shows.
    """
    axes.axhline(0.5, color=MUTED, linewidth=0.9, dashes=(4, 3), zorder=1, label="chance")
    room = (min(0.45, *areas) - 0.02, max(0.55, *areas) + 0.02)
    axes.set(xlabel=x, ylabel="AUC with 95 % interval", ylim=room)
    draw_grid(axes, axis="y")
