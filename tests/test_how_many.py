"""The tables of docs/how_many.md are those of docs/results/how_many.json, and these are what the rule gives."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import power_table

from lit_mia.metrics.auc import mde_auc


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(Path(__file__).parent.parent)


def test_page_and_numbers_agree():
    text = power_table.PAGE.read_text(encoding="utf-8")
    assert power_table.with_tables(text, power_table.read()) == text
    assert text.count("| 1,000 | 5,000 |") == 1


@pytest.mark.parametrize("rule", ["verified coin, 1 attack", "verified coin, 6 attacks"])
def test_a_number_is_what_the_rule_gives(rule):
    found = power_table.needed(100, *power_table.RULES[rule])
    assert found == pytest.approx(power_table.read()["groups"]["100"]["auc_needed"][rule], abs=0.002)


def test_one_attack_under_a_verified_coin_is_a_test_against_chance():
    for n, of in power_table.read()["groups"].items():
        assert of["auc_needed"]["verified coin, 1 attack"] == pytest.approx(mde_auc(int(n), int(n)), abs=0.01)
