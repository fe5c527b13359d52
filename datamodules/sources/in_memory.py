"""Records of this process, which a config names by what they hold."""

from itertools import chain
from typing import final

from datamodules.sources.base import RecordSource
from lit_mia.batches import slices
from lit_mia.errors import RecordError
from lit_mia.files import list_digest
from lit_mia.in_memory import Held
from lit_mia.records import AT_ONCE, Records

TABLES = Held[Records](
    "table of records",
    "Make it here again with `records_from`; for another process save the images as files and list them in a CSV file "
    "(CsvSource).",
    RecordError,
)


@final
class MemorySource(RecordSource):
    """The records that `lit_mia.records_from` made of what a notebook or a script holds, such as a DataFrame.

    The name is made of their ids, captions, labels and groups and of the content of their images. So the same records
    have the same name in every process, but a process finds only those that it made itself.

    Args:
        name: `memory:` and the digest of the records.

    Raises:
        RecordError: If this process holds no such records.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._records = TABLES[name]

    def load(self) -> Records:
        """The table."""
        return self._records

    def __reduce__(self) -> tuple[type["MemorySource"], tuple[str]]:
        return MemorySource, (self.name,)


def kept(records: Records) -> MemorySource:
    """A source of some records, which are held for as long as it is.

    Args:
        records: A table whose stamps are hashes of the content of its images.
    """
    columns = (records.ids, records.captions, records.members, records.groups, records.stamps)
    parts = ([column[part] for column in columns] for part in slices(len(records), AT_ONCE))
    return MemorySource(TABLES.keep(list_digest(chain([[records.grouped]], parts)), records))
