"""One YAML → store → heads and controls → numbers."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from datamodules.auxiliary import AuxiliaryDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.controls import controls_of
from lit_mia.attacks.frozen import freeze_threshold
from lit_mia.attacks.training import Budget, same_training, train_seeds
from lit_mia.errors import HeadError
from lit_mia.features.cache import replacing
from lit_mia.metrics.verdict import Design
from lit_mia.queries.cost import Cost, Estimate
from lit_mia.report.numbers import Evaluation, RowScores, evaluate
from lit_mia.report.provenance import git_commit, limits_of, versions
from lit_mia.report.schema import AuditReport, Spent, Tried
from lit_mia.report.schema import Cost as ReportedCost
from lit_mia.report.scores import ScoreTable, score_table
from lit_mia.targets.base import GenerateTarget


class Audit:
    """Measures how much a target leaks beyond what can be told without it.

    Args:
        data: Records, target, store and splits.
        attacks: The attacks; each brings its own controls.
        placebo: A target that saw neither members nor non-members; its answers must not betray membership.
        placebo_store: Folder of the placebo's answers; `<store>/placebo` if None.
        budget: Seeds and epochs, the same for attacks and controls.
        design: How the members came to be members. `randomized_split`: by a coin; `canary`: inserted for the audit;
            `same_source_holdout`: held out from the same source; `post_hoc`: put together afterwards, which caps the
            verdict.
    """

    def __init__(
        self,
        data: AuxiliaryDataModule,
        attacks: list[Attack],
        placebo: GenerateTarget | None = None,
        placebo_store: str | None = None,
        budget: Budget = Budget(),  # noqa: B008 (frozen)
        design: Design = "same_source_holdout",
    ) -> None:
        names = [attack.name for attack in attacks]
        if not names or len(set(names)) < len(names):
            raise HeadError(f"An audit needs at least one attack, and each once, but got {names or 'none'}.")
        for attack in attacks:
            data.target.require(attack.level)
        self.data, self.attacks, self.budget, self.design = data, attacks, budget, design
        self.placebo: AuxiliaryDataModule | None = None
        self._placebo = (placebo, placebo_store or str(data.store_path / "placebo"))

    def prepare(self) -> None:
        """Load the records and lock the splits; asks no target."""
        self.data.prepare_data()
        target, store = self._placebo
        if target is not None and self.placebo is None:
            self.placebo = self.data.answered_by(target, store)
            self.placebo.prepare_data()

    def estimate(self) -> dict[str, Estimate]:
        """What the missing queries would cost, by target; asks nothing."""
        self.prepare()
        return {name: data.estimate() for name, data in self._answers().items()}

    def query(self) -> dict[str, Cost]:
        """Fill the stores with what is missing."""
        self.prepare()
        for data in self._answers().values():
            data.query()
        return {name: data.cost for name, data in self._answers().items()}

    def run(self, name: str, config: Mapping[str, Any], output: Path) -> tuple[AuditReport, ScoreTable]:
        """Query what is missing, train all heads and controls, and evaluate them once on test.

        Args:
            name: Name of the audit.
            config: Its configuration, kept in the report.
            output: Folder for the trained heads (`heads/<attack>.ckpt`).

        Returns:
            The report and the scores of every record.
        """
        began = time.perf_counter()
        self.query()
        rows = self._train(output / "heads")
        tried = _count(self.data.store_path / "ledger.json", config)
        evaluation = evaluate(rows, self.data.known, self.data.splits, self.design, self.placebo is not None)
        self._freeze(rows, output / "heads")
        report = self._report(name, config, evaluation, tried, time.perf_counter() - began)
        return report, self._scores(rows, evaluation)

    def _answers(self) -> dict[str, AuxiliaryDataModule]:
        return {"target": self.data} | ({"placebo": self.placebo} if self.placebo else {})

    # ------------------------------------------------------------------ heads

    def _train(self, heads: Path) -> list[RowScores]:
        """Scores of every row of the report; a control that several attacks share is trained once."""
        inputs = frozenset[str]().union(*(attack.inputs for attack in self.attacks))
        blind = [control.inputs for attack in self.attacks for control in controls_of(attack).values()]
        self.data.prepare(inputs.union(*blind))
        if self.placebo is not None:
            self.placebo.prepare(inputs)
        heads.mkdir(parents=True, exist_ok=True)
        known: dict[tuple[str, str], NDArray[np.float64]] = {}

        def scores(attack: Attack, data: AuxiliaryDataModule, checkpoint: Path | None = None) -> NDArray[np.float64]:
            key = (str(data.store_path), same_training(attack))
            if key not in known:
                known[key] = train_seeds(attack, data, self.budget, checkpoint)
            return known[key]

        rows = []
        for attack in self.attacks:
            own = scores(attack, self.data, heads / f"{attack.name}.ckpt")
            rows.append(RowScores(attack.name, "attack", attack.name, own))
            for kind, control in controls_of(attack).items():
                rows.append(RowScores(f"{attack.name} {kind}", kind, attack.name, scores(control, self.data)))
            if self.placebo is not None:
                answer = scores(attack, self.placebo)
                rows.append(RowScores(f"{attack.name} placebo", "placebo", attack.name, answer))
            print(f"{attack.name}: head and controls trained", flush=True)
        return rows

    def _freeze(self, rows: list[RowScores], heads: Path) -> None:
        """Write the threshold of each saved head beside it."""
        import torch

        members = torch.tensor(self.data.known.members)
        calibration, test = (list(self.data.splits.rows[split]) for split in ("calibration", "test"))
        for row in rows:
            if row.kind == "attack":
                score = torch.from_numpy(row.scores[0])
                outside = score[calibration][members[calibration] == 0].tolist()
                freeze_threshold({"nonmembers": outside}, score[test], members[test], heads / f"{row.name}.ckpt")

    # ------------------------------------------------------------------ report

    def _report(
        self, name: str, config: Mapping[str, Any], evaluation: Evaluation, tried: Tried, seconds: float
    ) -> AuditReport:
        data, placebo = self.data, self.placebo
        costs = {role: answers.cost for role, answers in self._answers().items()}
        total = sum(costs.values(), Cost())
        return AuditReport(
            name=name,
            created=datetime.now(UTC).date().isoformat(),
            verdict={"kind": evaluation.verdict.kind, "sentence": evaluation.verdict.sentence},
            rows=evaluation.rows,
            cost=ReportedCost(
                **asdict(total),
                by_target={role: cast("Spent", asdict(c)) for role, c in costs.items()},
                seconds_total=seconds,
            ),
            design=self.design,
            target=dict(data.target.fingerprint()),
            placebo=None if placebo is None else dict(placebo.target.fingerprint()),
            splits={
                "seed": data.splits.seed,
                "digest": data.splits.digest,
                "sizes": data.splits.sizes(),
                "groups": data.splits.n_groups,
            },
            store_digest=data.store.digest(),
            encoder=data.encoder.fingerprint(),
            config=dict(config),
            tried=tried,
            control_null=evaluation.control_null,
            mde_auc=evaluation.mde_auc,
            mde_delta_auc=evaluation.mde_delta_auc,
            skipped=data.skipped,
            limits=limits_of(self.design, placebo is not None, data.splits.sizes()["test"]),
            versions=versions(),
            git=git_commit(),
        )

    def _scores(self, rows: list[RowScores], evaluation: Evaluation) -> ScoreTable:
        records, splits = self.data.known, self.data.splits
        split = {row: name for name, members in splits.rows.items() for row in members}
        names = [split[row] for row in range(len(records))]
        tables = []
        for row in rows:
            seeds = {seed: values for seed, values in enumerate(row.scores)} | {-1: evaluation.combined[row.name]}
            for seed, values in seeds.items():
                tables.append(
                    score_table(records.ids, records.members, names, values, row=row.name, kind=row.kind, seed=seed)
                )
        return ScoreTable.join(tables)


def _count(ledger: Path, config: Mapping[str, Any]) -> Tried:
    """Count this opening of the test split, and the distinct configurations that opened it so far."""
    seen: Any = json.loads(ledger.read_text()) if ledger.is_file() else {"configurations": [], "openings": 0}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    configurations, openings = sorted({*seen["configurations"], digest}), int(seen["openings"]) + 1
    with replacing(ledger) as temporary:
        temporary.write_text(json.dumps({"configurations": configurations, "openings": openings}))
    return {"configurations": len(configurations), "test_openings": openings}
