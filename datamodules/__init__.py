"""LightningDataModules: pairs of a query image and what a target answered; people and how a target reads them."""

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.base import AuditDataModule
from datamodules.identity import IdentityDataModule
from datamodules.inputs import Wanted
from datamodules.judged import AskedDataModule, JudgedDataModule
from datamodules.shadow import ShadowDataModule
from datamodules.sources import (
    ConcatSource,
    CsvSource,
    DesignSource,
    DesignTrainingSource,
    FacePairsSource,
    FacesSource,
    FolderPeopleSource,
    FolderSource,
    GeneratedSource,
    HuggingFaceSource,
    IndexSource,
    MembershipSource,
    MemorySource,
    OpenMojiSource,
    PeopleSource,
    RecordSource,
    ShiftedOpenMojiSource,
    SidesSource,
    records_from,
    sides_from,
)
from datamodules.statistics import StatisticDataModule
from datamodules.training import TargetDataModule

__all__ = [
    "AskedDataModule",
    "AuditDataModule",
    "AuxiliaryDataModule",
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
    "IdentityDataModule",
    "IndexSource",
    "JudgedDataModule",
    "MembershipSource",
    "MemorySource",
    "OpenMojiSource",
    "PeopleSource",
    "RecordSource",
    "ShadowDataModule",
    "ShiftedOpenMojiSource",
    "SidesSource",
    "StatisticDataModule",
    "TargetDataModule",
    "Wanted",
    "records_from",
    "sides_from",
]
