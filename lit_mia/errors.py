"""Errors for the user: each message says what was given, what is allowed and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


class LitMiaError(Exception):
    """Base of every error that is the user's to mend. The command line prints it without a traceback."""


class CommandError(LitMiaError):
    """There is no such command, or it is not the one for a config."""


class ConfigError(LitMiaError):
    """A config or a block does not exist, cannot be read, or is not what it is given as."""


class RecordError(LitMiaError):
    """Records are missing, duplicated, mislabelled, unreadable or too few."""


class SplitError(LitMiaError):
    """A split would be redrawn, or lacks one of the two classes."""


class DesignError(LitMiaError):
    """A design cannot be made of these records, does not fit its folder, or is not what it commits to."""


class TargetError(LitMiaError):
    """A target cannot be loaded or does not offer the access level that is needed."""


class TooLittleMemoryError(LitMiaError):
    """A model needs more memory than the accelerator or the machine has."""


class BudgetError(TargetError):
    """What may be spent on a target is spent."""


class EncoderError(LitMiaError):
    """An encoder cannot be loaded, or its embeddings cannot be compared as asked."""


class CaptionerError(LitMiaError):
    """A captioner cannot be loaded, or describes nothing."""


class StoreError(LitMiaError):
    """A store belongs to another target, or cannot be read."""


class FolderError(LitMiaError):
    """A folder cannot be written: it is full, read-only or impossible."""


class TrainingError(LitMiaError):
    """A target cannot be trained as asked, or a training cannot go on from where it was cut off."""


class HeadError(LitMiaError):
    """A checkpoint does not belong to this head, or a head is asked to score before it was trained."""


class ReportError(LitMiaError):
    """The files of an audit are missing or of an unknown schema."""


class GateError(LitMiaError):
    """A condition of a gate cannot be read or met, or is asked of something that has no such numbers."""


class TrackingError(LitMiaError):
    """Weights & Biases does not take what it is sent."""


class MetricError(LitMiaError):
    """Scores, labels or rates from which a metric cannot be computed."""


class PlanError(LitMiaError):
    """An ablation names values, places or attacks that its audit does not have."""


class PackageError(LitMiaError):
    """Two packages have the same name."""


class PluginError(LitMiaError):
    """A package that adds something cannot be loaded, or an entry of a registry is missing or doubled."""


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Raise a user's mistake as itself where jsonargparse has wrapped it, as it does where an argument may be None.

    What pathlib says of a home that it does not find is one too.

    Raises:
        LitMiaError: In the place of the error that was caused by it.
        FolderError: If a path begins with `~`, and there is no such home.
    """
    try:
        yield
    except ValueError as error:
        mistake = _mistake_behind(error)
        if mistake is None:
            raise
        raise mistake from None
    except RuntimeError as error:
        if error.args != (_HOMELESS,):
            raise
        raise FolderError(
            "A path begins with `~`, and whose folder that is cannot be told. Write the path in full."
        ) from error


_HOMELESS = "Could not determine home directory."
"""What pathlib says of `~` where the system knows no home, and of `~` before the name of nobody."""


def _mistake_behind(error: BaseException | None) -> LitMiaError | None:
    while error is not None and not isinstance(error, LitMiaError):
        error = error.__cause__
    return error
