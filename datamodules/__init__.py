"""LightningDataModules: pairs of a query image and what a target answered."""

from datamodules.auxiliary import AuxiliaryDataModule
from datamodules.shadow import ShadowDataModule
from datamodules.sources import (
    ConcatSource,
    CsvSource,
    FacesSource,
    HuggingFaceSource,
    IndexSource,
    OpenMojiSource,
    RecordSource,
)
from datamodules.statistics import StatisticDataModule

__all__ = [
    "AuxiliaryDataModule",
    "ConcatSource",
    "CsvSource",
    "FacesSource",
    "HuggingFaceSource",
    "IndexSource",
    "OpenMojiSource",
    "RecordSource",
    "ShadowDataModule",
    "StatisticDataModule",
]
