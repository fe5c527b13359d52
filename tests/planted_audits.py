"""Small audits of planted worlds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import planted_worlds
import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from planted_worlds import SIDE, Planted, PlantedEncoder, PlantedSource, PlantedTarget, World

from datamodules import AuxiliaryDataModule, StatisticDataModule
from lit_mia.attacks import AttackIIS, Budget, ResidualHead
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.membership import MembershipAudit

NOTHING, LEAK = World("nothing"), World("a leak", memory=0.3)
IMAGES, MEMBERS = smooth_images(120, 0), (1, 0) * 60
BUDGET = Budget(seeds=1, max_epochs=8, patience=3, accelerator="cpu")


def hold(records: int, patch: pytest.MonkeyPatch) -> None:
    """Let planted worlds hold some number of records."""
    patch.setattr(planted_worlds, "RECORDS", records)


def planted_data(planted: Planted, folder: Path, target: PlantedTarget | None = None, **options) -> AuxiliaryDataModule:
    """Records of a world and what its target draws for them."""
    return AuxiliaryDataModule(
        target=target or PlantedTarget(planted, trained=True),
        store=str(folder / "store"),
        image_size=SIDE,
        near_duplicates="report",
        **({"encoder": PlantedEncoder(planted), "source": PlantedSource(planted)} | options),
    )


def planted_audit(data: AuxiliaryDataModule, attacks=None, **options) -> MembershipAudit:
    """An audit of it by a small head, with a placebo."""
    settings = {"budget": BUDGET, "design": "same_source_holdout"} | options
    placebo = PlantedTarget(data.target.planted, trained=False)
    return MembershipAudit(data, attacks or [AttackIIS(widths=(16, 8), lr=0.01)], placebo, **settings)


def statistic_audit(folder: Path, attacks=None, seen=None, members=MEMBERS, **options) -> MembershipAudit:
    """A training-free audit of 120 records, half of which its target has memorised, and a placebo."""
    data = StatisticDataModule(
        MemorySource(IMAGES, members),
        OptimalTarget(IMAGES[::2] if seen is None else seen),
        str(folder / "found"),
        8,
        base=OptimalTarget(smooth_images(40, 8)),
    )
    budget = Budget(seeds=1, max_epochs=1, patience=0, accelerator="cpu")
    settings = {"budget": budget, "design": "same_source_holdout", "head": ResidualHead(width=4)} | options
    placebo = OptimalTarget(smooth_images(40, 7))
    return MembershipAudit(data, attacks or [Loss(t=[100, 200])], placebo, **settings)
