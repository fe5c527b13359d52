"""Results and trained heads in Weights & Biases: numbers, tables and plots; never images of records."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lit_mia.errors import TrackingError
from lit_mia.metrics.roc import Roc, roc_curve
from lit_mia.records import id_hash
from lit_mia.report.style import MUTED, Figure, drawing

if TYPE_CHECKING:
    from lightning.pytorch.loggers import WandbLogger


@dataclass(frozen=True)
class Bundle:
    """Files that belong together: one artifact.

    Attributes:
        name: Of the artifact; what W&B does not allow in it becomes a dash.
        files: File name → writes it under a given path.
    """

    name: str
    files: Mapping[str, Callable[[Path], object]]


@contextmanager
def told_in_one_line(so_far: str) -> Iterator[None]:
    """Tell in one line what W&B refuses, such as a run without a key or a network.

    Args:
        so_far: What is done and what is not, up to "Weights & Biases".

    Raises:
        TrackingError: In place of an error of W&B.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "wandb":
            raise
        raise TrackingError(
            f"{so_far} Weights & Biases took no run: {' '.join(str(error).split())} Log in, or set `offline: true` of "
            "the logger and send the run later by `wandb sync`."
        ) from error


def log_run(
    logger: "WandbLogger",
    config: Mapping[str, Any],
    summary: Mapping[str, Any] | None = None,
    tables: Mapping[str, Mapping[str, Sequence[Any]]] | None = None,
    figures: Mapping[str, Figure] | None = None,
    bundle: Bundle | None = None,
) -> None:
    """Log a finished audit as one run, and end it.

    Args:
        logger: The run; offline if the logger says so.
        config: Configuration and hashes.
        summary: Numbers by name.
        tables: Columns of equal length by table.
        figures: Plots by name.
        bundle: Files, kept as an artifact of the type `audit`.
    """
    import wandb

    run = logger.experiment
    run.config.update(config, allow_val_change=True)
    run.summary.update(summary or {})
    logged = {
        name: wandb.Table(columns=list(columns), data=[list(line) for line in zip(*columns.values(), strict=True)])
        for name, columns in (tables or {}).items()
    }
    logged |= {name: wandb.Image(figure) for name, figure in (figures or {}).items()}
    if logged:
        run.log(logged)
    with TemporaryDirectory() as folder:
        if bundle is not None:
            artifact = wandb.Artifact(re.sub(r"[^A-Za-z0-9_.-]+", "-", bundle.name), type="audit")
            for name, write in bundle.files.items():
                write(Path(folder, name))
                artifact.add_file(str(Path(folder, name)), name=name)
            run.log_artifact(artifact)
        run.finish()


def log_scores(logger: "WandbLogger", ids: Sequence[str], rows: Sequence[tuple[int, int, float]]) -> None:
    """Log the score table and the ROC plot of one head on the test split.

    Args:
        logger: The run.
        ids: Ids of the record table; only their hashes are sent.
        rows: Row in the table, label and raw score of each record.
    """
    import wandb

    hashed = [[id_hash(ids[row]), label, score] for row, label, score in rows]
    curve = roc_curve([score for _, _, score in rows], [label for _, label, _ in rows])
    table = wandb.Table(columns=["id_hash", "label", "score"], data=hashed)
    logger.experiment.log({"test/scores": table, "test/roc": wandb.Image(single_roc_figure(curve))})


def log_figure(logger: "WandbLogger", name: str, figure: Figure) -> None:
    """Log a plot of a run that goes on."""
    import wandb

    logger.experiment.log({name: wandb.Image(figure)})


def single_roc_figure(curve: Roc) -> Figure:
    """One head's ROC curve on log–log axes."""
    with drawing(3.5, 3.3) as (figure, (axes,)):
        low = min(float(curve.fpr[curve.fpr > 0].min()), float(curve.tpr[curve.tpr > 0].min()))
        axes.step(curve.fpr.clip(low), curve.tpr.clip(low), where="post")
        axes.plot([low, 1], [low, 1], color=MUTED, linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel="false positive rate", ylabel="true positive rate")
    return figure
