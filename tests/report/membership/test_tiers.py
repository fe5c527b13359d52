"""Canaries of each number of copies, told apart."""

import json

import pytest
from simulated_results import changed, printed, simulated

from lit_mia.report.membership.schema import AuditReport


def tier(attack, copies, auc=0.6, ci=(0.5, 0.7)):
    sizes = {"n_members": 12, "n_nonmembers": 1040}
    return {"attack": attack, "copies": copies, **sizes, "auc": auc, "auc_ci": None if auc is None else list(ci)}


@pytest.fixture(scope="module")
def result():
    tiers = [tier(name, copies) for name in ("II-S", "IV") for copies in (1, 4)]
    return changed(simulated({"II-S": 0.5, "IV": 0.2}), tiers=[*tiers, tier("IV", 16, auc=None)])


def test_every_place_has_the_table(result):
    assert "| **IV, 4 copies** | 12 | 1\u202f040 | 0.600 [0.500, 0.700] |" in result.markdown()
    assert "| **II-S, 1 copy** |" in result.markdown()
    assert "| **IV, 16 copies** | 12 | 1\u202f040 | – |" in result.markdown()
    assert "IV, 16 copies" in printed(result)
    assert all(word in result.page() for word in ("Canaries by number of copies", "II-S, 4 copies"))


def test_one_tier_needs_no_table(result):
    alone = changed(result, tiers=[tier("II-S", 4), tier("IV", 4)])
    for text in (alone.markdown(), printed(alone), alone.page()):
        assert "II-S, 4 copies" not in text
        assert "Canaries by number" not in text


def test_the_first_screen_says_that_members_were_copied(result):
    assert "Members are canaries of 1, 4 and 16 copies: a record" in result.page()
    assert "Members are canaries" not in changed(result, tiers=[tier("II-S", 1)]).page()


def test_the_file_holds_them(result):
    assert AuditReport.from_dict(json.loads(json.dumps(result.numbers()))).tiers == result.report.tiers
    old = {name: value for name, value in result.numbers().items() if name not in ("tiers", "design_notes")}
    assert AuditReport.from_dict(old).tiers == []
