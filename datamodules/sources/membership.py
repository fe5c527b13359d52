"""Records with the membership that a training of a target wrote down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, final

from datamodules.sources.base import RecordSource, StatedDesign
from datamodules.sources.places import with_home
from lit_mia.errors import RecordError
from lit_mia.models.files import shipped
from lit_mia.records import MEMBER, NON_MEMBER, UNKNOWN, Records

NAME = "membership.json"


@final
class MembershipSource(RecordSource):
    """The records of another source, labelled as a target was trained: what `lit-mia fit` wrote beside the target.

    Members are the records that it was trained on, non-members those that were held out; others are left out.

    Args:
        source: The records that the training drew from, with the same ids.
        membership: A `membership.json`, the folder of a target that holds one, or `shipped:<name>`.
    """

    def __init__(self, source: RecordSource, membership: str) -> None:
        self.source, self.membership = source, membership
        self.parts = (source,)

    @property
    def design(self) -> StatedDesign | None:
        """The coin that the file states, or else what the source says of its own labels, which then are the same."""
        coin = self._stated.coin
        if coin is None:
            return self.source.design
        return StatedDesign(
            "randomized_split",
            (
                f"Before the training, a coin per group of records (share {coin['share']:g}, public seed "
                f"{coin['seed']}) decided which of them the target was trained on; {self._stated.path.name} lists "
                f"{len(self._stated.members)} members and {len(self._stated.held_out)} that were held out.",
            ),
        )

    @property
    def origin(self) -> str | None:
        """That of the source."""
        return self.source.origin

    def load(self) -> Records:
        """The records that the file lists, with its labels.

        Raises:
            RecordError: If the file cannot be used, or it and the source contradict each other.
        """
        stated, table = self._stated, self.source.load()
        label = {**dict.fromkeys(stated.members, MEMBER), **dict.fromkeys(stated.held_out, NON_MEMBER)}
        _check_ids(label, table, stated)
        rows = [row for row, name in enumerate(table.ids) if name in label]
        kept = table.select(rows)
        labelled = replace(kept, members=tuple(label[name] for name in kept.ids))
        if stated.coin is None:
            _check_labels(kept, labelled, stated)
        return labelled

    @cached_property
    def _stated(self) -> "Stated":
        return Stated.read(self.membership)


@dataclass(frozen=True)
class Stated:
    """What a `membership.json` says.

    Attributes:
        path: The file.
        members: Ids that the target was trained on.
        held_out: Ids that it was not trained on, of the same records.
        coin: `share` and `seed` of the coin that decided; None if the source's labels did.
    """

    path: Path
    members: tuple[str, ...]
    held_out: tuple[str, ...]
    coin: Mapping[str, Any] | None

    @classmethod
    def read(cls, membership: str) -> Self:
        """Read the file.

        Args:
            membership: The file, a folder that holds it, or `shipped:<name>`.

        Raises:
            RecordError: If there is none, or it does not say who was trained on and who was held out.
        """
        place = with_home(shipped(membership))
        path = place / NAME if place.is_dir() else place
        said = _json(path)
        members, held_out = (_ids(said, key, path) for key in ("members", "held_out"))
        both = sorted({*members} & {*held_out})
        if both:
            raise RecordError(f"{path} lists {len(both)} ids as members and as held out, e.g. {both[:3]}. Mend it.")
        coin = said.get("coin")
        if coin is not None and not _is_coin(coin):
            raise RecordError(f"`coin` of {path} must be null or have `share` and `seed`, numbers, but is {coin!r}.")
        return cls(path, members, held_out, coin)


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror}). Give the `{NAME}` that `lit-mia fit` wrote beside a target, or "
            "the target's folder."
        ) from error
    except ValueError as error:
        raise RecordError(
            f"{path} cannot be read as JSON ({error}). Give the file that `lit-mia fit` wrote."
        ) from error
    if not isinstance(said, dict):
        raise RecordError(f"{path} must hold an object with `members` and `held_out`, but holds {type(said).__name__}.")
    return said


def _ids(said: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    ids = said.get(key)
    if ids is None:
        raise RecordError(
            f"{path} does not say `{key}`. `lit-mia fit` writes `members` and `held_out`; to a file of before, add the "
            "list of ids by hand, or use the source that knows them, as OpenMojiSource does for the shipped targets."
        )
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids) or len({*ids}) < len(ids):
        raise RecordError(f"`{key}` of {path} must be a list of ids, each once, but is not.")
    if not ids:
        raise RecordError(
            f"`{key}` of {path} is empty, so there is nothing to tell apart. Train with `member_share` below 1, or on "
            "a source that labels non-members too."
        )
    return tuple(ids)


def _is_coin(value: Any) -> bool:
    stated = [value.get(name) for name in ("share", "seed")] if isinstance(value, dict) else [None]
    return all(isinstance(number, int | float) and not isinstance(number, bool) for number in stated)


def _check_ids(label: Mapping[str, int], table: Records, stated: Stated) -> None:
    missing = sorted(label.keys() - {*table.ids})
    if missing:
        raise RecordError(
            f"{stated.path} lists {len(missing)} of {len(label)} ids that the source has not, e.g. {missing[:3]}; the "
            f"source has {list(table.ids[:3])} and so on. Give the source, and the settings of it, of the training."
        )


def _check_labels(own: Records, labelled: Records, stated: Stated) -> None:
    """Without a coin the labels were the source's own, so that its design holds only if they still are."""
    wrong = [
        name
        for name, before, after in zip(own.ids, own.members, labelled.members, strict=True)
        if before not in (UNKNOWN, after)
    ]
    if wrong:
        raise RecordError(
            f"{stated.path} states no coin, so the source's labels decided, but now the source labels {len(wrong)} "
            f"records otherwise, e.g. {wrong[:3]}. Give the source of the training."
        )
