"""Where records come from: tables, OpenMoji, several sources joined, or drawn by a model; and where people do."""

from datamodules.sources.base import RecordSource
from datamodules.sources.concat import ConcatSource
from datamodules.sources.csv_table import CsvSource
from datamodules.sources.design_training import DesignTrainingSource
from datamodules.sources.designed import DesignSource
from datamodules.sources.face_pairs import FacePairsSource
from datamodules.sources.folder import FolderSource
from datamodules.sources.generated import GeneratedSource
from datamodules.sources.given import records_from, sides_from
from datamodules.sources.hugging_face import HuggingFaceSource
from datamodules.sources.in_memory import MemorySource
from datamodules.sources.index import IndexSource
from datamodules.sources.membership import MembershipSource
from datamodules.sources.openmoji import OpenMojiSource
from datamodules.sources.openmoji_shifted import ShiftedOpenMojiSource
from datamodules.sources.people import FacesSource, FolderPeopleSource, PeopleSource
from datamodules.sources.sides import SidesSource

__all__ = [
    "ConcatSource",
    "CsvSource",
    "DesignSource",
    "DesignTrainingSource",
    "FacePairsSource",
    "FacesSource",
    "FolderPeopleSource",
    "FolderSource",
    "GeneratedSource",
    "HuggingFaceSource",
    "IndexSource",
    "MembershipSource",
    "MemorySource",
    "OpenMojiSource",
    "PeopleSource",
    "RecordSource",
    "ShiftedOpenMojiSource",
    "SidesSource",
    "records_from",
    "sides_from",
]
