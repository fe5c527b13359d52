"""Where records come from: tables, OpenMoji, several sources joined, or drawn by a model; and where people do."""

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import ConcatSource
from datamodules.sources.generated import GeneratedSource
from datamodules.sources.index import IndexSource
from datamodules.sources.openmoji import OpenMojiSource
from datamodules.sources.people import FacesSource, FolderPeopleSource, PeopleSource
from datamodules.sources.tables import CsvSource, HuggingFaceSource

__all__ = [
    "ConcatSource",
    "CsvSource",
    "FacesSource",
    "FolderPeopleSource",
    "GeneratedSource",
    "HuggingFaceSource",
    "IndexSource",
    "OpenMojiSource",
    "PeopleSource",
    "RecordSource",
]
