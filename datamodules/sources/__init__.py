"""Where records come from: CSV files, anything that Hugging Face `datasets` reads, OpenMoji, or several joined."""

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import ConcatSource
from datamodules.sources.csv import CsvSource
from datamodules.sources.faces import FacesSource
from datamodules.sources.huggingface import HuggingFaceSource
from datamodules.sources.index import IndexSource
from datamodules.sources.openmoji import OpenMojiSource

__all__ = [
    "ConcatSource",
    "CsvSource",
    "FacesSource",
    "HuggingFaceSource",
    "IndexSource",
    "OpenMojiSource",
    "RecordSource",
]
