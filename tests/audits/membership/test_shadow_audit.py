"""Whole audits of heads that learned on a shadow: a leak carries over, and neither a shift nor the shadow's own leak
is called one."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))
import planted_worlds
from planted_worlds import SIDE, Planted, PlantedEncoder, PlantedSource, PlantedTarget, World

from datamodules import AuxiliaryDataModule, ConcatSource, ShadowDataModule
from lit_mia.attacks import AttackIIS, Budget
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.report.membership.schema import AuditReport

pytestmark = pytest.mark.slow
BUDGET = Budget(seeds=1, max_epochs=4, accelerator="cpu")
LEAK = World("a leak", memory=0.4)
NOTHING = World("nothing")
DOMAIN = World("a domain learned, nothing memorised", domain=0.9, pull=2.0)
CONTROLS = {"blind", "caption", "joint", "n-grams", "metadata"}


class BothWorlds(PlantedEncoder):
    """Sees what is on images, and in captions, of two planted worlds."""

    def __init__(self, *worlds):
        super().__init__(worlds[0])
        self.texts = {text: world.texts[row] for world in worlds for text, row in world.captions.items()}

    def _encode_texts(self, texts):
        return torch.tensor(np.stack([self.texts[text] for text in texts])).float()


@pytest.fixture
def result(tmp_path, monkeypatch):
    """Audits a world by heads that learn on another one."""
    monkeypatch.setattr(planted_worlds, "RECORDS", 500)

    def run(shadow_world, attacked_world, design="same_source_holdout"):
        shadow, attacked = Planted(shadow_world, 1), Planted(attacked_world, 2)
        encoder = BothWorlds(shadow, attacked)
        sides = [
            AuxiliaryDataModule(
                source=ConcatSource([PlantedSource(planted)], prefixes=[name]),
                target=PlantedTarget(planted, trained=True),
                store=str(tmp_path / name),
                encoder=encoder,
                image_size=SIDE,
                near_duplicates="report",
            )
            for name, planted in (("shadow", shadow), ("attacked", attacked))
        ]
        audit = MembershipAudit(
            ShadowDataModule(*sides),
            [AttackIIS(widths=(32,), lr=0.02)],
            PlantedTarget(attacked, trained=False),
            budget=BUDGET,
            design=design,
        )
        return audit.run(Run("shadow", {}, tmp_path / "out"))

    return run


def auc_of(result, name):
    return next(row["auc"] for row in result.report.rows if row.name == name)


def test_what_was_learned_on_the_shadow_finds_the_leak_of_another_target(result, tmp_path):
    found = result(LEAK, LEAK)
    report = found.report
    assert report.verdict["kind"] == "leakage beyond controls"
    assert auc_of(found, "II-S") > 0.75
    assert auc_of(found, "II-S placebo") == pytest.approx(0.5, abs=0.08)
    assert {row.name for row in report.rows} == {
        "II-S",
        "II-S placebo",
        *(f"II-S {kind}{of}" for kind in CONTROLS for of in ("", " (attacked records)")),
    }
    assert report.cost.by_target.keys() == {"target", "shadow", "placebo"}
    sizes = report.shadow["splits"]
    assert sizes["attacked"].keys() == {"test"}
    assert sizes["shadow"].keys() == {"train", "val", "calibration"}
    assert report.splits["sizes"] == {**sizes["shadow"], **sizes["attacked"]}
    asked = {role: sum(sum(of.values()) for of in sizes[side].values()) for role, side in ROLES.items()}
    assert {role: cost["queries"] for role, cost in report.cost.by_target.items()} == asked
    assert report.target["weights"].endswith("2 True")
    assert report.shadow["target"]["weights"].endswith("1 True")
    assert any("learned on another target" in limit for limit in report.limits)
    assert "a leak 1 True" in found.page()
    for name in ("II-S", "II-S blind", "attacked records/II-S blind"):
        assert (tmp_path / f"out/heads/{name}.ckpt").is_file()
    assert AuditReport.from_dict(found.numbers()).shadow == report.shadow


ROLES = {"target": "attacked", "shadow": "shadow", "placebo": "attacked"}


def test_the_shadows_own_leak_is_not_the_targets(result):
    found = result(LEAK, NOTHING)
    assert found.report.verdict["kind"] == "not detected at this power"
    assert auc_of(found, "II-S") == pytest.approx(0.5, abs=0.08)


def test_a_shift_that_both_sides_have_is_confounded(result):
    found = result(DOMAIN, DOMAIN)
    assert found.report.verdict["kind"] == "confounded"
    assert auc_of(found, "II-S blind") > 0.7


def test_a_shift_of_the_attacked_side_alone_is_read_by_the_controls_that_learned_there(result):
    found = result(LEAK, DOMAIN)
    assert found.report.verdict["kind"] in ("confounded", "not detected at this power")
    assert auc_of(found, "II-S blind") < 0.65
    assert auc_of(found, "II-S blind (attacked records)") > 0.7
