"""One YAML → people, target and controls → who is recognised by name."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from typing import cast, final

import numpy as np

from datamodules.identity import IdentityDataModule
from lit_mia.attacks.identity import IdentityInference
from lit_mia.audits.base import Audit, Run
from lit_mia.audits.identity.sides import Side, grid_of, halves_of, identity_row, person_lines, seen_by, stacked
from lit_mia.cost import Cost, Estimate
from lit_mia.errors import HeadError
from lit_mia.metrics.evidence import Design
from lit_mia.metrics.identity import (
    IdentityEvidence,
    IdentityVerdict,
    decide_identity,
    trend_with_images,
    trend_with_occurrences,
    within_null,
)
from lit_mia.queries.progress import progress
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, People
from lit_mia.report.base import Origin, Picture, Result
from lit_mia.report.identity import (
    IdentityResult,
    IdentityRow,
    IdentityRowKind,
    Questioning,
    identity_limits,
)
from lit_mia.report.words import number
from lit_mia.targets.base import EmbedTarget


@final
class IdentityAudit(Audit):
    """Measures whether a model recognises people by name who were in its training data, and only those.

    Nothing is trained and nothing is chosen: thresholds and numbers of images are fixed beforehand.

    Args:
        people: People, names, target and store.
        attack: How people are asked about; the paper's way if not given.
        untrained: Whether to ask random weights in the target's architecture too.
        permuted: A model that was trained with the names permuted across people; it must not recognise anybody.
        swapped: A model whose members are the target's non-members, and the other way round.
        design: How the members came to be members. `randomized_split`: by a coin; `canary`: inserted for the audit;
            `same_source_holdout`: held out from the same source; `post_hoc`: put together afterwards, which caps the
            verdict: taken to be so unless stated otherwise.
    """

    def __init__(
        self,
        people: IdentityDataModule,
        attack: IdentityInference | None = None,
        untrained: bool = True,
        permuted: EmbedTarget | None = None,
        swapped: EmbedTarget | None = None,
        design: Design = "post_hoc",
    ) -> None:
        self.data, self.attack, self.design = people, attack or IdentityInference(), design
        if self.attack.images[-1] > people.min_images:
            raise HeadError(
                f"The attack draws {self.attack.images[-1]} images of a person (`images`), but people may have only "
                f"{people.min_images} (`min_images`). Raise `min_images` or lower `images`."
            )
        controls: dict[IdentityRowKind, EmbedTarget | None] = {
            "untrained": people.target.untrained_twin() if untrained else None,
            "permuted names": permuted,
            "swapped membership": swapped,
        }
        self.controls = {kind: target for kind, target in controls.items() if target is not None}
        self.missing = tuple(kind for kind, target in controls.items() if target is None)

    @cached_property
    def sides(self) -> dict[IdentityRowKind, IdentityDataModule]:
        """The target and its controls, asked about the same people and names."""
        self.data.prepare_data()
        sides: dict[IdentityRowKind, IdentityDataModule] = {"target": self.data}
        return sides | {kind: self.data.answered_by(target) for kind, target in self.controls.items()}

    def estimate(self) -> dict[str, Estimate]:
        """What embedding would cost, by row; embeds nothing."""
        return {kind: data.estimate(self.attack) for kind, data in self.sides.items()}

    def query(self) -> dict[str, Cost]:
        """Fill the store with what is missing."""
        for data in self.sides.values():
            data.query(self.attack)
        return {kind: data.cost for kind, data in self.sides.items()}

    def run(self, run: Run) -> IdentityResult:
        """Embed what is missing, and measure."""
        self.query()
        rows = self.data.usable(self.attack)
        people = self.data.people.select(rows)
        return self._result(people, [self._side(kind, people, rows) for kind in self.sides], run.origin())

    def pictures(self, result: Result) -> list[Picture]:
        """The first readable image of every person, with how many templates name the person."""
        lines = cast("IdentityResult", result).lines
        templates = {line.name: line.templates for line in lines if line.row == "target"}
        self.data.prepare_data()
        people, shown = self.data.people, []
        for row in self.data.usable(self.attack):
            first, name = int(self.data.readable(row, self.attack).argmax()), people.names[row]
            shown.append(Picture((people.open_image(row, first),), name, f"{number(templates[name], 1)} templates"))
        return shown

    def _side(self, kind: IdentityRowKind, people: People, rows: Sequence[int]) -> Side:
        data = self.sides[kind]
        readings = zip(data.readings(self.attack, rows), people.names, [data.true[row] for row in rows], strict=True)
        with progress(f"recognise people by the {kind}", len(rows), "people") as bar:
            found = [self.attack.recognise(*reading) for reading in bar.over(readings)]
        return Side(
            kind=kind,
            model=data.target.fingerprint(),
            people=seen_by(kind, people),
            found=stacked(found),
            images=[int(data.readable(row, self.attack).sum()) for row in rows],
        )

    # ------------------------------------------------------------------ result

    def _result(self, people: People, sides: Sequence[Side], origin: Origin) -> IdentityResult:
        data, attack, target = self.data, self.attack, sides[0]
        halves = halves_of(sides, attack.thresholds[0])
        rows = [identity_row(side, attack, len(data.names), halves) for side in sides]
        unreadable, cut_off = data.unreadable(attack), data.cut_off(attack)
        skipped = data.few | {
            name: data.people.image_counts[row] - unreadable.get(name, 0)
            for row, name in enumerate(data.people.names)
            if name not in people.names
        }
        verdict = self._verdict(rows)
        return IdentityResult(
            name=origin.name,
            created=origin.created,
            verdict={"kind": verdict.kind, "sentence": verdict.sentence},
            rows=rows,
            grid=grid_of(target, attack),
            halves=halves,
            trends=_trends(target, attack),
            setting=self._questioning(),
            people={
                label: people.members.count(member)
                for label, member in (("member", MEMBER), ("non_member", NON_MEMBER), ("unknown", UNKNOWN))
            },
            skipped=skipped,
            unreadable=unreadable,
            cut_off=cut_off,
            cost={
                "queries": sum(side.cost.queries for side in self.sides.values()),
                "by_row": {kind: asdict(side.cost) for kind, side in self.sides.items()},
                "seconds_total": origin.seconds_total,
            },
            design=self.design,
            pool_digest=hashlib.sha256("\n".join(data.names).encode()).hexdigest(),
            people_digest=people.digest(),
            config=dict(origin.config),
            limits=identity_limits(rows[0], data.target.notes, cut_off, len(skipped), design=self.design),
            versions=origin.versions,
            git=origin.git,
            lines=[line for side in sides for line in person_lines(side, attack.thresholds)],
        )

    def _questioning(self) -> Questioning:
        return {
            "images": list(self.attack.images),
            "names": len(self.data.names),
            "templates": len(self.attack.templates),
            "draws": self.attack.draws,
            "thresholds": list(self.attack.thresholds),
            "min_images": self.data.min_images,
        }

    def _verdict(self, rows: Sequence[IdentityRow]) -> IdentityVerdict:
        point, attack = rows[0].points[0], self.attack
        controls = {row.name: row.passes for row in rows[1:] if row.passes is not None}
        if point.fpr is not None:
            controls["people never trained on"] = within_null(point.fpr, point.bound)
        untold = tuple(row.kind for row in rows[1:] if row.passes is None)
        evidence = IdentityEvidence(
            tpr=point.tpr,
            fpr=point.fpr,
            bound=point.bound,
            images=attack.images[-1],
            threshold=point.threshold,
            templates=len(attack.templates),
            pool=len(self.data.names),
            controls=controls,
            missing=(*self.missing, *untold),
        )
        return decide_identity(evidence, self.design)


def _trends(target: Side, attack: IdentityInference) -> dict[str, float | None]:
    members, threshold, occurrences = target.of(MEMBER), attack.thresholds[0], target.people.occurrences
    by_images = [target.shares(threshold, at)[members] for at in range(len(attack.images))]
    known = [row for row in members if occurrences[row] is not None]
    counts = [occurrences[row] or 0 for row in known]
    return {
        "images": trend_with_images(np.stack(by_images, axis=1)),
        "occurrences": trend_with_occurrences(counts, target.shares(threshold)[known]) if known else None,
    }
