"""Two datamodules about the same records: what one takes for the same image is grouped by the other too."""

from typing import Any

from datamodules import AskedDataModule, AuditDataModule, AuxiliaryDataModule, JudgedDataModule
from lit_mia.errors import HeadError, SplitError


def check_same_records(data: AskedDataModule, also: AskedDataModule) -> None:
    """Refuse, before splits are locked, two tables of which a row is not the same record in the same split.

    Raises:
        SplitError: If there are such rows.
    """
    if _table_of(also) != _table_of(data):
        raise SplitError(
            "`data` and `also` must be about the same records, in the same order and splits, but they differ. Give "
            "both the same `source`, `fractions`, `split_seed` and `prompts`."
        )


def look_alike(data: JudgedDataModule, also: AuditDataModule) -> None:
    """Let what the encoder of the one takes for the same image be grouped by the other too.

    Raises:
        HeadError: If heads learn on a shadow, beside which nothing else can be judged.
    """
    if not isinstance(data, AuditDataModule):
        raise HeadError(
            f"`also` gives further answers about the same records and splits, but {type(data).__name__} learns from "
            "the records of another target. Audit training-free attacks on their own."
        )
    follower, leader = (also, data) if isinstance(data, AuxiliaryDataModule) else (data, also)
    follower.find_alike = leader.find_alike


def _table_of(data: AskedDataModule) -> tuple[Any, ...]:
    """What says which record a row is, and in which split."""
    records, how = data.view.labelled, data.splitting
    return records.ids, records.members, records.groups, tuple(how.fractions), how.seed, data.prompts
