"""One YAML → records, target, base → which training images come out verbatim, beside the half that was held out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any, cast, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datamodules import AuxiliaryDataModule
from datamodules.prompt_draws import PromptDraws
from lit_mia.attacks.copying import CopyMeasure
from lit_mia.audits.agreement import agreed_design, check_sides
from lit_mia.audits.base import Audit, Run
from lit_mia.audits.extraction.checks import check_both, check_foreign, check_left, check_measures, check_prompts
from lit_mia.audits.extraction.copying import Copying, copying_of
from lit_mia.audits.extraction.halves import Halves
from lit_mia.audits.extraction.looks import Looks, pool_of
from lit_mia.audits.extraction.rows import (
    adjusted,
    copy_rows,
    eidetic_counts,
    record_lines,
    tests_of,
    tiers_of,
)
from lit_mia.audits.extraction.triage import Triage
from lit_mia.audits.extraction.untargeted import Untargeted, untargeted_rows
from lit_mia.audits.membership import accounts
from lit_mia.cost import Cost, Estimate
from lit_mia.metrics.copying.verdict import decide_extraction
from lit_mia.metrics.evidence import Design
from lit_mia.queries.progress import progress
from lit_mia.records import Records, id_hash
from lit_mia.report.base import Picture, Result
from lit_mia.report.extraction import (
    ExtractionResult,
    Model,
    UntargetedRow,
    extraction_limits,
    extraction_sentence,
)
from lit_mia.report.membership.refused import count_refused
from lit_mia.targets.base import AccessLevel, GenerateTarget, Target
from lit_mia.targets.bases import base_folder, base_of, has_base


@final
class ExtractionAudit(Audit):
    """Counts which training images a model reproduces from their captions, and how many held-out ones it does.

    Nothing is trained and nothing is chosen: measures and thresholds are fixed beforehand, and every record is counted.
    A record is reproduced if the closest image that was drawn from its own caption is a copy of it by a threshold, and
    nothing else of both halves is nearer to that image than the record or its group.

    Args:
        data: Records, target and store. `images_per_record` images are drawn from each caption; those that other audits
            have in the same store are not drawn again.
        measures: When an image is a copy of another. The first threshold of the first is that of the sentence to quote;
            all are tested, under one correction.
        base: A model that saw neither half, which is given the same prompts and seeds: the one that the target was
            fine-tuned from. If not given, a target with LoRA weights is asked with these off; any other has no base.
        base_store: Folder of the base's answers, which all targets that came from it may share; if not given, `base-`
            and a hash of the base beside `store`.
        untargeted: What is drawn from prompts that belong to no record; nothing if not given.
        triage: Which captions are drawn first, where not all can be; all if not given.
        design: How the members came to be members, as of a membership audit. If not given, what the source vouches
            for, as a DesignSource does, else `post_hoc`.
        design_statement: Who drew the coin, where the source does not vouch for it.
    """

    def __init__(
        self,
        data: AuxiliaryDataModule,
        measures: list[CopyMeasure],
        base: GenerateTarget | None = None,
        base_store: str | None = None,
        untargeted: Untargeted | None = None,
        triage: Triage | None = None,
        design: Design | None = None,
        design_statement: str | None = None,
    ) -> None:
        self.data, self.measures, self.untargeted, self.triage = data, measures, untargeted, triage
        data.target.require(AccessLevel.GENERATE)
        check_measures(measures, untargeted)
        check_prompts(data)
        self._base, self._base_store = _base_of(data.target, base), base_store
        self._design = agreed_design(data.source, design, design_statement)

    @property
    def design(self) -> Design:
        """How the halves came about."""
        return self._design.kind

    @cached_property
    def sides(self) -> dict[Model, AuxiliaryDataModule]:
        """The target and its base, asked about the same records."""
        _ = self._shift
        records = self.data.view.labelled
        check_both(records)
        check_foreign(() if self.untargeted is None else self.untargeted.prompts, records)
        for measure in self.measures:
            measure.check_pool(self.data.image_size, len(records))
        sides: dict[Model, AuxiliaryDataModule] = {"target": self.data}
        if self._base is not None:
            store = self._base_store or base_folder(self.data.store_path, self._base)
            sides["base"] = self.data.answered_by(self._base, str(store))
        return sides

    def estimate(self) -> dict[str, Estimate]:
        """What the missing images would cost, by model, or first what must be known before; asks nothing."""
        if drawing := self.data.source.estimates():
            return drawing
        _ = self.sides
        if self.triage is not None and (ranking := self.triage.estimate(self.data)):
            return ranking
        return {name: self._estimate_of(data) for name, data in self.sides.items()}

    def query(self) -> dict[str, Cost]:
        """Draw what is missing, and leave out what one of the models refuses on both sides."""
        for measure in self.measures:
            if measure.encoder is not None:
                measure.encoder.check()
        sides = self.sides.values()
        self.data.check_openings()
        for data in sides:
            data.check(data.view.labelled)
        ranking = self.triage.query(self.data) if self.triage is not None else {}
        asked = self._chosen(self.data.view.labelled)
        for data in sides:
            data.fill(asked)
            for draws in self._draws_of(data):
                data.cost += draws.fill()
        self._leave_out(asked)
        return {**{name: data.cost for name, data in self.sides.items()}, **ranking, **self.data.source.costs()}

    def run(self, run: Run) -> ExtractionResult:
        """Draw what is missing, compare it with all records, and count."""
        spent = self.query()
        halves, looks = self._halves, self._looks
        with progress("compare answers with records", len(self.measures), "measures") as bar:
            found = [self._models(measure, looks, halves) for measure in bar.over(self.measures)]
        both = list(zip(self.measures, found, strict=True))
        rows = [row for measure, models in both for row in copy_rows(measure, models, halves)]
        others = self._untargeted_rows(looks, halves)
        tests = tests_of(rows, others)
        rows, others = adjusted(rows, others, tests)
        origin, first = run.origin(), found[0]["target"]
        kind, draws = decide_extraction(tests, self.design), self.data.images_per_record
        triaged = None if self.triage is None else self.triage.told(self.data, halves)
        sides = cast("Mapping[str, AuxiliaryDataModule]", self.sides)
        further = {name: cost for name, cost in spent.items() if name not in sides}
        asked = self._chosen(self.data.view.labelled)
        refused = {
            name: count_refused(asked, reasons) for name, data in sides.items() if (reasons := data.refusals(asked))
        }
        return ExtractionResult(
            name=origin.name,
            created=origin.created,
            verdict={"kind": kind, "sentence": extraction_sentence(kind, rows, others, draws=draws, triaged=triaged)},
            rows=rows,
            untargeted=others,
            eidetic=eidetic_counts(first, halves),
            tiers=tiers_of(first, halves),
            triaged=triaged,
            draws=draws,
            tests=len(tests.adjusted),
            fewest_found=halves.fewest_found(len(tests.adjusted)),
            groups=halves.groups(),
            cost=asdict(accounts.expense_of(sides, further, origin.seconds_total)),
            design=self.design,
            design_notes=list(self._design.told),
            coin_verified=self._design.verified,
            target=dict(self.data.target.fingerprint()),
            base=None if self._base is None else dict(self._base.fingerprint()),
            hashes={f"{name}_store_digest": data.store_digest() for name, data in sides.items()},
            tried=accounts.opened(self.data, run.config),
            refused=refused,
            skipped=list(self.data.view.skipped),
            config=dict(origin.config),
            limits=[
                *extraction_limits(self.design, self._design.verified, self._shift, has_base=self._base is not None),
                *self._refused_prompts(),
                *accounts.cut_captions(sides),
                *accounts.table_notes(self.data.view),
            ],
            versions=origin.versions,
            git=origin.git,
            lines=[line for measure, models in both for line in record_lines(measure, models, halves)],
        )

    def pictures(self, result: Result) -> Sequence[Picture]:
        """Every record that the target reproduces, beside what was drawn by it, and by the base of the same seed."""
        lines = cast("ExtractionResult", result).lines
        self._leave_out(self._chosen(self.data.view.labelled))
        measure, halves = self.measures[0], self._halves
        own = (line for line in lines if line.row == "target" and line.measure == measure.name)
        hashes = {line.id_hash for line in own if line.reproduced}
        looks = self._looks
        copying = copying_of(measure, looks["target"].drawn(measure), self._pool(measure), halves)
        shown = [row for row in halves.rows.tolist() if id_hash(halves.records.ids[row]) in hashes]
        return [
            Picture(
                images=(
                    halves.records.open_image(row),
                    *(Image.fromarray(look.answer(row, int(copying.draw[row]))) for look in looks.values()),
                ),
                caption=str(halves.records.captions[row]),
                note="training image" if halves.members[row] else "held out",
            )
            for row in shown
        ]

    # ------------------------------------------------------------------ parts

    @property
    def _shift(self) -> str | None:
        """How the halves differ by construction in more than membership; refuses a design that they do not allow."""
        return check_sides(self.data.view.everyone, self.design, self.data.source)

    @property
    def _asked(self) -> Records:
        """The records from whose captions images were drawn."""
        return self._chosen(self.data.view.known)

    def _chosen(self, records: Records) -> Records:
        """Those of some records from whose captions images are drawn."""
        if self.triage is None:
            return records
        names = self.triage.chosen(self.data.view.labelled)
        return records.select([row for row, name in enumerate(records.ids) if name in names])

    @property
    def _halves(self) -> Halves:
        records, asked = self.data.view.known, set(self._asked.ids)
        return Halves(records, np.array([name in asked for name in records.ids]), self._design)

    def _leave_out(self, asked: Records) -> None:
        """Leave out, of both models, the records of which one of them refused an image."""
        sides = self.sides.values()
        for refused in [data.refusals(asked) for data in sides]:
            for data in sides:
                data.leave_out(refused)
        check_left(self.data.view.known, asked=len(asked), drawn=len(self._asked))

    @property
    def _looks(self) -> dict[Model, Looks]:
        """What each model drew."""
        asked = self._asked
        return {name: Looks(data, asked, self._draws_of(data)) for name, data in self.sides.items()}

    def _pool(self, measure: CopyMeasure) -> NDArray[Any]:
        """What a measure compares of the records, `[n, ...]`; made once, for all models."""
        return pool_of(self.data, measure)

    def _models(self, measure: CopyMeasure, looks: Mapping[Model, Looks], halves: Halves) -> dict[Model, Copying]:
        """What the target, the target beyond its base, and the base reproduce."""
        pool = self._pool(measure)
        found: dict[Model, Copying] = {
            name: copying_of(measure, look.drawn(measure), pool, halves) for name, look in looks.items()
        }
        if "base" not in found:
            return found
        beyond = found["target"].beyond(found["base"], halves.asked)
        return {"target": found["target"], "target less base": beyond, "base": found["base"]}

    def _untargeted_rows(self, looks: Mapping[Model, Looks], halves: Halves) -> list[UntargetedRow]:
        if self.untargeted is None:
            return []
        measure = next(measure for measure in self.measures if not measure.needs_pool)
        pool = self._pool(measure)
        return [
            row
            for name, look in looks.items()
            if len(drawn := look.untargeted(measure))
            for row in untargeted_rows(self.untargeted, measure, drawn, pool, name=name, halves=halves)
        ]

    def _draws_of(self, data: AuxiliaryDataModule) -> list[PromptDraws]:
        if self.untargeted is None:
            return []
        return [PromptDraws(data, self.untargeted.prompts, self.untargeted.images)]

    def _refused_prompts(self) -> list[str]:
        """A sentence for each model that refused images of other prompts."""
        draws = {name: each for name, data in self.sides.items() for each in self._draws_of(data)}
        refused = {name: len(each.queries) - len(each.keys) for name, each in draws.items()}
        return [
            f"The {name} refused {count} of {len(draws[name].queries)} images of other prompts."
            for name, count in refused.items()
            if count
        ]

    def _estimate_of(self, data: AuxiliaryDataModule) -> Estimate:
        return data.estimate_for(
            self._chosen(data.view.labelled), [query for draws in self._draws_of(data) for query in draws.queries]
        )


def _base_of(target: Target, given: GenerateTarget | None) -> GenerateTarget | None:
    """The base of a target, if there is one."""
    return GenerateTarget.of(base_of(target, given)) if has_base(target, given) else None
