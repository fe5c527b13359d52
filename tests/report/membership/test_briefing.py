"""The first screen: to whom, how sure, against what, at what cost, in sentences with the numbers of the report."""

from dataclasses import replace

import pytest
from simulated_results import changed, with_values

from lit_mia.report.membership.briefing.access import WHO, to_whom
from lit_mia.report.membership.briefing.cost import at_what_cost
from lit_mia.report.membership.briefing.evidence import against_what, how_sure
from lit_mia.targets import AccessLevel


def given(result, **values):
    """The report with values in some rows: attack → values."""
    rows = [with_values(row, **values.get(row.name.replace("-", "_"), {})) for row in result.report.rows]
    return changed(result, rows=rows).report


def test_every_access_level_has_its_people():
    assert set(WHO) == set(AccessLevel)


def test_attacks_are_told_by_what_they_need_and_by_what_they_found(audit):
    report = given(audit, I_P={"access": "generate"}, II_S={"access": "denoise"})
    generating, holding, knew = to_whom(report)
    assert generating == "Who can have images generated from captions (generate): not detected, by I-P."
    assert holding.startswith("Who holds the weights")
    assert holding.endswith("(denoise): leakage, by II-S.")
    assert knew.startswith("Each attacker also knew of 2\u202f400 other records")


def test_one_access_is_one_sentence_with_every_outcome(audit):
    report = given(audit, I_P={"access": "vary"}, II_S={"access": "vary"})
    assert to_whom(report)[0].endswith("(vary): not detected, by I-P; leakage, by II-S.")


def test_what_reads_the_base_needs_it_too(audit):
    report = given(audit, I_P={"access": "denoise"}, II_S={"access": "denoise", "reads_base": True})
    first, second, _ = to_whom(report)
    assert "base" not in first
    assert "and has the base" in second
    assert "II-S" in second


def test_a_file_that_does_not_say_the_access_says_what_the_target_was_loaded_for(audit):
    assert "Who asks what this audit asked: not detected" in to_whom(audit.report)[0]
    report = replace(audit.report, target={**audit.report.target, "access": "denoise"})
    assert to_whom(report)[0].startswith("Who holds the weights")


def test_many_attacks_are_counted(family):
    rows = [
        replace(row, name=f"{row.name} {i}", attack=f"{row.attack} {i}") for i in range(4) for row in family.attacks
    ]
    report = changed(family, rows=[with_values(row, outcome="confounded", access="denoise") for row in rows]).report
    assert to_whom(report)[0].endswith("confounded, by 12 of 12 attacks.")


def test_a_shadow_is_what_the_attacker_knew(audit):
    report = replace(audit.report, shadow={"target": {}, "splits": {}, "digests": {}})
    assert to_whom(report)[-1].startswith("Heads learned on another target")


def test_how_sure_names_the_headline_its_p_and_the_power(audit):
    said = how_sure(audit.report, None)
    assert said[0].startswith("II-S: p = 0.006, one-sided")
    assert "1 of 2 attacks have this finding, on 400 members and 400 non-members" in said[1]
    assert "0.612" in said[2]
    assert said[3] == "Self-test: not run."


@pytest.mark.parametrize(
    ("design", "coin", "words"),
    [
        ("randomized_split", "verified", "its commitment was checked"),
        ("canary", "stated", "the user's word, not checked"),
        ("canary", None, "the user's word, not checked"),
        ("post_hoc", None, "no coin decided"),
    ],
)
def test_who_vouches_for_the_design(audit, design, coin, words):
    first = against_what(replace(audit.report, design=design, coin=coin))[0]
    assert first.startswith(f"Design {design.replace('_', ' ')}: ")
    assert words in first


def test_controls_and_placebo_are_named_or_said_to_be_none(audit):
    _, controls, placebo = against_what(audit.report)
    assert "blind and caption." in controls
    assert "The largest, placebo included, has an AUC of 0.571" in controls
    assert "below 0.563" in controls
    assert placebo.endswith("valid for 2 of 2 attacks.")
    assert against_what(replace(audit.report, control_null=None, placebo_checks={}))[1:] == [
        "Controls: none.",
        "Placebo: none.",
    ]


def test_the_cost_is_told_by_model_and_money_only_where_there_was_some(audit):
    said = at_what_cost(audit.report)
    assert said[0].startswith("8\u202f000 queries in 24 min 23 s (target 4\u202f000, placebo 4\u202f000)")
    assert said[1:] == ["Whole audit: 31 min 51 s."]
    paid = replace(audit.report, cost=replace(audit.report.cost, money=12.5))
    assert "Price of the queries: 12.50." in at_what_cost(paid)
    free = replace(audit.report, cost=replace(audit.report.cost, queries=0))
    assert at_what_cost(free)[0].startswith("No queries in this run")
