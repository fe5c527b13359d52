"""LightningDataModules: pairs of a query image and what a target answered; people and how a target reads them."""

from datamodules.auxiliary import AuxiliaryDataModule, ShadowDataModule
from datamodules.base import AuditDataModule
from datamodules.identity import IdentityDataModule
from datamodules.inputs import Wanted
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
    OpenMojiSource,
    PeopleSource,
    RecordSource,
    ShiftedOpenMojiSource,
)
from datamodules.statistics import StatisticDataModule
from datamodules.training import TargetDataModule

__all__ = [
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
    "OpenMojiSource",
    "PeopleSource",
    "RecordSource",
    "ShadowDataModule",
    "ShiftedOpenMojiSource",
    "StatisticDataModule",
    "TargetDataModule",
    "Wanted",
]
