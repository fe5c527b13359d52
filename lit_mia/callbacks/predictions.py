"""Writes what `lit-mia predict` finds about records of unknown membership."""

import csv
import json
from pathlib import Path
from typing import IO, Any

import lightning as L
from lightning.pytorch.callbacks import BasePredictionWriter

from lit_mia.attacks.frozen import HeadThreshold, read_threshold
from lit_mia.errors import HeadError
from lit_mia.metrics.threshold import predictive_value
from lit_mia.ranges import INNER_SHARE, check
from lit_mia.report.formulas import guarded


class PredictionWriter(BasePredictionWriter):
    """One CSV line per record: its score, and what the frozen threshold is worth; never a bare yes or no.

    Each rank appends to its own part; rank 0 joins them, sorted by id.

    Args:
        output: File to write.
        prior: Share of members that you expect among the records you ask about, in (0, 1).
    """

    def __init__(self, output: str = "predictions.csv", prior: float = 0.5) -> None:
        super().__init__("batch")
        check(HeadError, INNER_SHARE(prior=prior))
        self.output, self.prior = Path(output).expanduser(), prior
        self._part: IO[str] | None = None

    def on_predict_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Refuse a head without a frozen threshold before anything is scored, and open this rank's part."""
        read_threshold(Path(str(trainer.ckpt_path)))
        self.output.parent.mkdir(parents=True, exist_ok=True)
        self._part = self._part_path(trainer.global_rank).open("w", encoding="utf-8")

    def write_on_batch_end(self, trainer: Any, pl_module: Any, prediction: Any, *_: Any) -> None:
        """Append the records of one batch."""
        ids = trainer.datamodule.table.ids
        for row, score in zip(prediction["row"].tolist(), prediction["score"].tolist(), strict=True):
            print(json.dumps([ids[row], score]), file=self._part)

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Join the parts and say what the scores mean."""
        if self._part is not None:
            self._part.close()
        trainer.strategy.barrier("predictions")
        if not trainer.is_global_zero:
            return
        parts = [self._part_path(rank) for rank in range(trainer.world_size)]
        # A distributed sampler repeats records to give every rank as many.
        scores = dict(
            sorted(json.loads(line) for part in parts for line in part.read_text(encoding="utf-8").splitlines())
        )
        head = read_threshold(Path(str(trainer.ckpt_path)))
        self._write(scores, head)
        for part in parts:
            part.unlink()
        print(meaning(head, self.prior, len(scores), self.output))

    def _write(self, scores: dict[str, float], head: HeadThreshold) -> None:
        frozen, ppv = head.frozen, predictive_value(head.frozen, self.prior)
        common = {
            "threshold": frozen.threshold,
            "nominal_fpr": frozen.nominal_fpr,
            "realised_fpr": frozen.realised_fpr,
            "realised_fpr_lo": frozen.realised_fpr_ci.lo,
            "realised_fpr_hi": frozen.realised_fpr_ci.hi,
            "prior": self.prior,
            "ppv_above_threshold": ppv.value,
            "ppv_lo": ppv.lo,
            "ppv_hi": ppv.hi,
        }
        with self.output.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["id", "score", "nonmembers_scoring_higher", "above_threshold", *common])
            writer.writeheader()
            for name, score in scores.items():
                own = {
                    "id": guarded(name),
                    "score": score,
                    "nonmembers_scoring_higher": head.share_above(score),
                    "above_threshold": score >= frozen.threshold,
                }
                writer.writerow({**own, **common})

    def _part_path(self, rank: int) -> Path:
        return self.output.with_name(f".{self.output.name}.part-{rank}")


def meaning(head: HeadThreshold, prior: float, n: int, output: Path) -> str:
    """What a reader of the predictions has to know."""
    frozen = head.frozen
    fpr, ppv = frozen.realised_fpr_ci, predictive_value(frozen, prior)
    return (
        f"{n} records scored: {output}\n"
        f"Threshold {frozen.threshold:.3f}, set for {frozen.nominal_fpr:.0%} false positives on calibration records; "
        f"on test records it realised {frozen.realised_fpr:.1%} [{fpr.lo:.1%}, {fpr.hi:.1%}] and found "
        f"{frozen.tpr:.1%} [{frozen.tpr_ci.lo:.1%}, {frozen.tpr_ci.hi:.1%}] of the members.\n"
        f"If {prior:.0%} of the records you ask about were members, a record above the threshold is one with "
        f"probability between {ppv.lo:.0%} and {ppv.hi:.0%}. These are rates over many records, not proof about one, "
        "and they hold only for records like those the head was tested on."
    )
