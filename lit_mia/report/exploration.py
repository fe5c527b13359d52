"""What sweeps and ablations return: areas at many values, by which settings are chosen; nothing was tested."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from rich.console import Group
from rich.text import Text

from lit_mia.cost import Cost
from lit_mia.errors import ReportError
from lit_mia.report.base import Picture, Result
from lit_mia.report.columns import Place, Table
from lit_mia.report.fields import json_values, spell_non_finite
from lit_mia.report.origin import Origin
from lit_mia.report.page import Section, render_page, yaml_text
from lit_mia.report.style import DPI, svg
from lit_mia.report.tables import markdown_table, terminal_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND = "exploration"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Exploration(Result):
    """Areas under ROC curves at many values, never on test.

    Attributes:
        title: What its kind is called.
        deed: What was done, as the beginning of a sentence.
        origin: Where it comes from.
        cost: What this run asked, of all targets together.
        splits: The splits whose records were measured together.
        n_members: Members among them.
        n_nonmembers: Non-members among them.
    """

    title: ClassVar[str]
    deed: ClassVar[str]
    origin: Origin
    cost: Cost
    splits: tuple[str, ...]
    n_members: int
    n_nonmembers: int

    @classmethod
    @abstractmethod
    def own_fields(cls, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of this kind alone, of what its `audit.json` holds."""

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
    def figure(self) -> "Figure":
        """The figure."""

    @property
    def counts(self) -> str:
        """`Measured on val and calibration: 40 members, 38 non-members`."""
        return f"Measured on {self._listed_splits}: {self.n_members} members, {self.n_nonmembers} non-members"

    @property
    def sentence(self) -> str:
        """What was measured, and that nothing was tested."""
        return (
            f"{self.deed} on {self._listed_splits} ({self.n_members} members, {self.n_nonmembers} non-members). The "
            "test split was not opened: these numbers help to choose settings, and claim nothing."
        )

    @property
    def _listed_splits(self) -> str:
        *first, last = self.splits
        return f"{', '.join(first)} and {last}" if first else last

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` alone."""
        try:
            spent = dict(numbers["cost"])
            origin = {name: numbers[name] for name in ("name", "created", "config", "versions", "git")}
            return cls(
                origin=Origin(seconds_total=spent.pop("seconds_total"), **origin),
                cost=Cost(**spent),
                splits=tuple(numbers["splits"]),
                n_members=numbers["n_members"],
                n_nonmembers=numbers["n_nonmembers"],
                **cls.own_fields(numbers),
            )
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


def read_fields(cls: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass from JSON values; further ones, which other readers need, are left out."""
    return cls(**{field.name: values[field.name] for field in fields(cls)})  # type: ignore[arg-type]


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
