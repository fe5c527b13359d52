"""Scores of heads that are kept: found again, unless the code that made them has changed."""

import importlib
import sys

import numpy as np
import pytest
from small_records import LABELS, QUARTERS, SEED, InkTarget, write_records

from datamodules import AuxiliaryDataModule
from lit_mia.attacks.budgets import FixedBudget
from lit_mia.audits.ablation.measure import KeptHeads

FORMULA = """
from lit_mia.attacks.pixel import PixelAttack

class Planted(PixelAttack):
    name = "planted"
    inputs = frozenset({{"generated"}})

    def features(self, batch):
        return batch["generated"] ** {power}
"""


@pytest.fixture
def prepared(tmp_path):
    source = write_records(tmp_path / "records", LABELS)
    data = AuxiliaryDataModule(
        source,
        InkTarget(tmp_path / "asked"),
        str(tmp_path / "store"),
        image_size=8,
        fractions=QUARTERS,
        split_seed=SEED,
    )
    data.prepare(frozenset({"generated"}))
    return data


@pytest.fixture
def head(tmp_path, monkeypatch):
    """Writes the module of a head, and gives a head of the class in it."""
    monkeypatch.syspath_prepend(tmp_path)

    def made(**formula):
        (tmp_path / "planted_head.py").write_text(FORMULA.format(**formula))
        sys.modules.pop("planted_head", None)
        importlib.invalidate_caches()
        return importlib.import_module("planted_head").Planted(lr=1.0e-2)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions within a second have one time stamp
    yield made
    sys.modules.pop("planted_head", None)


def test_a_changed_formula_gives_fresh_scores_and_an_unchanged_one_the_old(tmp_path, prepared, head):
    def scores(**formula):
        return KeptHeads(tmp_path / "heads", prepared, FixedBudget(1, 4, "cpu")).scores(head(**formula))

    def kept():
        return {file.name: file.stat().st_mtime_ns for file in (tmp_path / "heads").iterdir()}

    first = scores(power=1)
    before = kept()
    assert np.array_equal(scores(power=1), first)
    assert kept() == before
    changed = scores(power=2)
    assert not np.array_equal(changed, first)
    assert len(kept()) == 2
    assert np.array_equal(scores(power=1), first)
    assert len(kept()) == 2
