"""Records of several sources as one."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain
from typing import final

from PIL import Image

from datamodules.sources.base import RecordSource
from lit_mia.errors import RecordError
from lit_mia.records import Records


@final
class ConcatSource(RecordSource):
    """The records of all sources, one source after the other.

    Ids must be unique over all of them. Members and non-members that come from different sources differ in more
    than membership: the controls then tell how much of an attack's success is that difference.

    Args:
        sources: The sources to join, in this order.
    """

    def __init__(self, sources: list[RecordSource]) -> None:
        self.parts = tuple(sources)

    def load(self) -> Records:
        """Read and join the tables.

        Raises:
            RecordError: If there is no source, two records have one id, or a source cannot be read.
        """
        if not self.parts:
            raise RecordError("`sources` must name at least one source, but is empty.")
        return join_records([source.load() for source in self.parts])


def join_records(tables: Sequence[Records]) -> Records:
    """The rows of all tables, one table after the other.

    Raises:
        RecordError: If two records have one id.
    """
    ends = list(accumulate(len(table) for table in tables))

    def open_image(row: int) -> Image.Image:
        which = bisect_right(ends, row)
        return tables[which].open_image(row - ends[which] + len(tables[which]))

    return Records(
        ids=tuple(chain.from_iterable(table.ids for table in tables)),
        captions=tuple(chain.from_iterable(table.captions for table in tables)),
        members=tuple(chain.from_iterable(table.members for table in tables)),
        groups=tuple(chain.from_iterable(table.groups for table in tables)),
        open_image=open_image,
        stamps=tuple(chain.from_iterable(table.stamps for table in tables)),
        grouped=any(table.grouped for table in tables),
    )
