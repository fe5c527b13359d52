"""Records of several sources as one."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, chain
from typing import final

from PIL import Image

from datamodules.sources.base import RecordSource
from lit_mia.errors import RecordError
from lit_mia.records import Encoded, Records


@final
class ConcatSource(RecordSource):
    """The records of all sources, one source after the other.

    Ids must be unique over all of them. Members and non-members that come from different sources differ in more
    than membership: the controls then tell how much of an attack's success is that difference, and only `design:
    post_hoc` is accepted, unless all are splits of one data set of the hub. Sides that are of one source belong into
    one table with labels.

    Args:
        sources: The sources to join, in this order.
        prefixes: A name for each source, with which its ids begin: `members/0.png`. For sources that use the same names
            for different images. Groups that the sources state stay as they are, so one may reach over several.
    """

    def __init__(self, sources: list[RecordSource], prefixes: list[str] | None = None) -> None:
        self.parts, self.prefixes = tuple(sources), prefixes

    def load(self) -> Records:
        """Read and join the tables.

        Raises:
            RecordError: If there is no source, two records have one id, the prefixes are not one for each source, or a
                source cannot be read.
        """
        if not self.parts:
            raise RecordError("`sources` must name at least one source, but is empty.")
        if self.prefixes is None:
            tables = [source.load() for source in self.parts]
            _check_ids(tables)
            return join_records(tables, self._origins)
        if len({*self.prefixes} - {""}) != len(self.parts) or len(self.prefixes) != len(self.parts):
            raise RecordError(
                f"`prefixes` must be another name for each of {len(self.parts)} sources, but are {self.prefixes}."
            )
        pairs = zip(self.prefixes, self.parts, strict=True)
        return join_records([prefixed(prefix, source.load()) for prefix, source in pairs], self._origins)

    @property
    def _origins(self) -> list[str]:
        return [part.origin or f"source {number}" for number, part in enumerate(self.parts, 1)]


def join_records(tables: Sequence[Records], origins: Sequence[str] = ()) -> Records:
    """The rows of all tables, one table after the other.

    Args:
        tables: The tables.
        origins: Where each comes from, for those that do not tell it of their records; empty if from one source.

    Raises:
        RecordError: If two records have one id.
    """
    ends = list(accumulate(len(table) for table in tables))

    def place(row: int) -> tuple[Records, int]:
        which = bisect_right(ends, row)
        return tables[which], row - ends[which] + len(tables[which])

    def open_image(row: int) -> Image.Image:
        table, own = place(row)
        return table.open_image(own)

    def encoded(row: int) -> Encoded | None:
        table, own = place(row)
        return table.encoded(own)

    return Records(
        ids=tuple(chain.from_iterable(table.ids for table in tables)),
        captions=tuple(chain.from_iterable(table.captions for table in tables)),
        members=tuple(chain.from_iterable(table.members for table in tables)),
        groups=tuple(chain.from_iterable(table.groups for table in tables)),
        open_image=open_image,
        stamps=tuple(chain.from_iterable(table.stamps for table in tables)),
        grouped=any(table.grouped for table in tables),
        origins=tuple(
            chain.from_iterable(
                table.origins or (origin,) * len(table) for table, origin in zip(tables, origins, strict=True)
            )
        )
        if origins
        else (),
        encoded=encoded,
    )


def _check_ids(tables: Sequence[Records]) -> None:
    counts = Counter(name for table in tables for name in table.ids)
    shared = [name for name, count in counts.items() if count > 1]
    if shared:
        names = [chr(ord("a") + number) for number in range(min(len(tables), 26))]
        raise RecordError(
            f"Record ids must be unique, but {len(shared)} occur in several sources, e.g. {shared[:3]}. If they are "
            f"different images, name the sources with `prefixes: [{', '.join(names)}]`; if they are the same, leave "
            "them out of one: no image is a member and a non-member."
        )


def prefixed(prefix: str, table: Records) -> Records:
    """The table with other ids, and groups that are named after them.

    Args:
        prefix: What ids shall begin with.
        table: The table.
    """
    return replace(
        table,
        ids=tuple(f"{prefix}/{name}" for name in table.ids),
        groups=tuple(
            group if is_stated else f"{prefix}/{group}"
            for group, is_stated in zip(table.groups, _stated(table), strict=True)
        ),
    )


def _stated(table: Records) -> Iterator[bool]:
    """Whether the source states the group of each record; others are called like a record of the same image.

    So may be a stated one, such as artist 7 beside image 7, but then the images of its records differ.
    """
    own = set(zip(table.stamps, table.ids, strict=True))
    images = defaultdict(set)
    for stamp, group in zip(table.stamps, table.groups, strict=True):
        images[group].add(stamp)
    for stamp, group in zip(table.stamps, table.groups, strict=True):
        yield table.grouped and ((stamp, group) not in own or len(images[group]) > 1)
