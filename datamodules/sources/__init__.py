"""Where records come from: CSV files, anything that Hugging Face `datasets` reads, OpenMoji, or several joined."""

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import ConcatSource
from datamodules.sources.csv import CsvSource
from datamodules.sources.huggingface import HuggingFaceSource
from datamodules.sources.index import IndexSource
from datamodules.sources.openmoji import OpenMojiSource
from datamodules.sources.people import FolderPeopleSource, PeopleSource

__all__ = [
    "ConcatSource",
    "CsvSource",
    "FolderPeopleSource",
    "HuggingFaceSource",
    "IndexSource",
    "OpenMojiSource",
    "PeopleSource",
    "RecordSource",
]
