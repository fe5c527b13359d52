"""Where records come from: CSV files, Hugging Face `datasets`, OpenMoji, several joined, or drawn by a model."""

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import ConcatSource
from datamodules.sources.csv import CsvSource
from datamodules.sources.faces import FacesSource
from datamodules.sources.generated import GeneratedSource
from datamodules.sources.huggingface import HuggingFaceSource
from datamodules.sources.index import IndexSource
from datamodules.sources.openmoji import OpenMojiSource
from datamodules.sources.people import FolderPeopleSource, PeopleSource

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
