"""What an identity audit returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

from lit_mia.report.base import Picture, Result, Writer
from lit_mia.report.columns import values_of
from lit_mia.report.identity.columns import identity_table
from lit_mia.report.identity.page import identity_page
from lit_mia.report.identity.people import COLUMNS, people_curves, read_people, write_people_roc
from lit_mia.report.identity.plots import heat_figure, identity_roc_figure
from lit_mia.report.identity.schema import IDENTITY_SCHEMA, IdentityFindings
from lit_mia.report.tables import markdown_table, terminal_table, write_csv

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger
    from rich.console import Group

PEOPLE, ROC = "people.csv", "roc.csv"


@final
@dataclass(frozen=True, kw_only=True)
class IdentityResult(IdentityFindings, Result):
    """The findings of an identity audit, which save, show and log themselves."""

    schema: ClassVar[str] = IDENTITY_SCHEMA

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        """The result in a folder, from `audit.json` and `people.csv`."""
        return cls.from_dict(numbers, read_people(folder / PEOPLE))

    def numbers(self) -> dict[str, Any]:
        """What `audit.json` holds: everything but single people."""
        return self.to_dict()

    def files(self) -> dict[str, Writer]:
        """People, and the exact ROC curves."""
        return {
            PEOPLE: partial(write_csv, values_of(COLUMNS, self.lines, "csv")),
            ROC: partial(write_people_roc, self.lines),
        }

    def page(self, pictures: Sequence[Picture] = ()) -> str:
        """The page; pictures only where they are given."""
        return identity_page(self, pictures)

    def terminal(self) -> "Group":
        """The table of target and controls, and the verdict."""
        from rich.console import Group
        from rich.text import Text

        people = self.people
        title = f"n = {self.largest} images, {people['member']} members, {people['non_member']} non-members"
        verdict = Text(f"{self.verdict['kind'].capitalize()}. {self.verdict['sentence']}")
        return Group(Text(title, "italic"), terminal_table(identity_table(self.rows, "terminal")), Text(), verdict)

    def markdown(self) -> str:
        """The table of target and controls as GitHub Markdown."""
        return markdown_table(identity_table(self.rows, "markdown"))

    def log(self, logger: "Callable[..., WandbLogger]") -> None:
        """Log numbers, curves and people as one run, and end it; a number stands for each name."""
        import wandb

        run = logger().experiment
        digests = {"pool_digest": self.pool_digest, "people_digest": self.people_digest}
        run.config.update({"audit": self.config, "design": self.design, **digests}, allow_val_change=True)
        run.summary.update(self._rates())
        run.summary["verdict"] = self.verdict["kind"]
        images = {"roc": wandb.Image(identity_roc_figure(self, people_curves(self.lines)))}
        if self.grid:
            images["heat"] = wandb.Image(heat_figure(self))
        people = self._unnamed()
        data = [list(line) for line in zip(*people.values(), strict=True)]
        run.log({"people": wandb.Table(columns=list(people), data=data), **images})
        run.finish()

    def _rates(self) -> dict[str, float]:
        """Every rate of every model."""
        return {
            f"test/{name}@{point.threshold}/{row.name}": rate.value
            for row in self.rows
            for point in row.points
            for name, rate in (("tpr", point.tpr), ("fpr", point.fpr))
            if rate is not None
        }

    def _unnamed(self) -> dict[str, list[Any]]:
        """The people with a number in the order of the lines for each name."""
        numbers = {name: number for number, name in enumerate(dict.fromkeys(line.name for line in self.lines))}
        return {
            "person": [numbers[line.name] for line in self.lines],
            "label": [line.member for line in self.lines],
            **values_of(COLUMNS, self.lines, "wandb"),
        }
