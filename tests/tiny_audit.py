"""Kinds of audit that count instead of measuring, but save, show and log as all do."""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from PIL import Image

from lit_mia.attacks import AuditedAttack
from lit_mia.audits.base import Audit, AuditKind
from lit_mia.audits.making import full_config, maker
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import HeadError
from lit_mia.report.base import Picture, Result
from lit_mia.targets import Target


@dataclass(frozen=True)
class Schedule:
    """How often something is counted."""

    repeats: int = 1
    rate: float = 0.5


@dataclass(frozen=True)
class Count(Result):
    """How many attacks an audit has."""

    schema: ClassVar[str] = "tiny/1"

    name: str
    attacks: tuple[str, ...]
    target: str | None
    config: Mapping[str, Any] = field(repr=False)

    @classmethod
    def load(cls, folder: Path, numbers: Mapping[str, Any]) -> Self:
        return cls(numbers["name"], tuple(numbers["attacks"]), numbers["target"], numbers["config"])

    def numbers(self):
        return {"schema": self.schema, "verdict": {"kind": "count", "sentence": "Counted."}, **asdict(self)}

    def files(self):
        return {"attacks.csv": self._write}

    def page(self, pictures=()):
        return (
            f"<html>{self.name}: {', '.join(self.attacks)} {' '.join(picture.caption for picture in pictures)}</html>"
        )

    def terminal(self):
        return f"{len(self.attacks)} attacks"

    def markdown(self):
        return f"| {len(self.attacks)} |"

    def log(self, logger):
        for attack in self.attacks:
            run = logger(name=attack, group=self.name)
            run.log_metrics({"attacks": len(self.attacks)})
            run.experiment.finish()

    def _write(self, path):
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([[attack] for attack in self.attacks])


class Swept(Count):
    schema = "tiny-sweep/1"


class TinyAudit(Audit):
    """Counts attacks.

    Args:
        attacks: The attacks.
        target: The target, if there is one.
        placebo: Another one.
        schedule: How often.
        mode: In what way.
    """

    def __init__(
        self,
        attacks: list[AuditedAttack],
        target: Target | None = None,
        placebo: Target | None = None,
        schedule: Schedule = Schedule(),
        mode: Literal["plain", "other"] = "plain",
    ) -> None:
        if schedule.repeats < 1:
            raise HeadError(f"`repeats` must be at least 1,\nbut got {schedule.repeats}.")
        self.attacks, self.target, self.mode, self.schedule = attacks, target, mode, schedule

    @property
    def suffix(self):
        return "" if self.mode == "plain" else f"-{self.mode}"

    def estimate(self):
        return {"target": Estimate(records=3, missing=self.schedule.repeats, nfe=0, seconds=None, money=0.0)}

    def query(self):
        return {"target": Cost(queries=self.schedule.repeats)}

    def run(self, run):
        return Count(run.name, tuple(a.name for a in self.attacks), getattr(self.target, "name", None), run.config)

    def pictures(self, result):
        return [Picture((Image.new("RGB", (2, 2)),), f"picture of {attack}") for attack in result.attacks]


class TinySweep(TinyAudit):
    """Counts the attacks of another audit.

    Args:
        audit: Its config.
        points: Values at places of it.
    """

    def __init__(self, audit: dict[str, Any], points: list[dict[str, list[Any]]]) -> None:
        self.config, self.points = full_config(TinyAudit, audit), points
        super().__init__(maker(TinyAudit, audit)().attacks)

    def run(self, run):
        return Swept(**vars(super().run(run)))


KINDS = (
    AuditKind("count", TinyAudit, Count, "audit", None, "audit/quickstart"),
    AuditKind("sweep of counts", TinySweep, Swept, "sweep", None, "ablation/steps"),
)


def read(folder: Path) -> dict[str, Any]:
    """What a finished folder says."""
    return json.loads((folder / "audit.json").read_text())
