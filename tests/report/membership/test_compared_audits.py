"""Two audits beside each other: which records are pairs, what is said of them, and where it stands."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from compared_audits import IDS, LABELS, N, finished, noisy
from rich.console import Console

from lit_mia.errors import ReportError
from lit_mia.metrics.intervals import auc_difference
from lit_mia.report.comparison.measuring import compare_audits
from lit_mia.report.comparison.records import Judged, joined_groups
from lit_mia.report.comparison.result import page, save, terminal
from lit_mia.report.comparison.words import findings, warnings

ROWS = ("II-S", "IV", "II-S blind")
OTHERS = [f"other-{place}" for place in range(2 * N)]
OTHER_TARGET = {"class": "DiffusersTarget", "weights": "77" * 32, "steps": 20, "guidance": 5.0}


def named(scores):
    return dict(zip(ROWS, scores, strict=True))


def compared(a, b):
    return compare_audits(a, b, (Path("a"), Path("b")))


def said(of):
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(terminal(of))
    return " ".join(re.sub("[│╭╮╰╯─]", " ", capture.get()).split())


@pytest.fixture(scope="module")
def leaking():
    return finished(named(noisy(1, 1.6, 0.5, 0.0)))


@pytest.fixture(scope="module")
def defended():
    return finished(named(noisy(2, 0.1, 0.5, 0.0)), target=OTHER_TARGET)


@pytest.fixture(scope="module")
def change(leaking, defended):
    return compared(leaking, defended)


def test_the_same_records_are_paired_and_a_planted_change_is_found(change, leaking, defended):
    assert (change.matched.basis, change.matched.n_members, change.matched.n_nonmembers) == ("same", N, N)
    attack, blind, other = change.rows
    assert [row.name for row in change.rows] == ["II-S", "II-S blind", "IV"]
    difference = auc_difference(noisy(2, 0.1, 0.5, 0.0)[0], noisy(1, 1.6, 0.5, 0.0)[0], LABELS)
    assert attack.change.delta == pytest.approx(difference.delta)
    assert attack.change.ci == pytest.approx(difference.ci)
    assert attack.change.finding == "lower"
    assert (other.change.finding, blind.change.finding) == ("no difference seen", "no difference seen")
    assert attack.change.p_adjusted == pytest.approx(2 * attack.change.p)
    assert blind.change.p_adjusted is None
    assert (attack.beside, other.beside) == (None, None)
    assert blind.beside.delta == pytest.approx(attack.change.delta - blind.change.delta)
    assert blind.beside.ci[1] < 0
    assert attack.change.before == attack.a


def test_the_order_of_records_does_not_matter_and_groups_do(leaking):
    mixed = np.random.default_rng(0).permutation(2 * N)
    scores, groups = noisy(2, 0.1, 0.5, 0.0), np.array([f"g{place // 3}" for place in range(2 * N)])
    turned = finished(named(scores[:, mixed]), [IDS[i] for i in mixed], LABELS[mixed], groups[mixed])
    found = compared(leaking, turned)
    expected = auc_difference(scores[0], noisy(1, 1.6, 0.5, 0.0)[0], LABELS, groups)
    assert found.matched.groups == 2 * N // 3
    assert found.rows[0].change.ci == pytest.approx(expected.ci)


def test_records_of_one_group_in_either_audit_are_of_one():
    found = joined_groups(np.array(["a", "b", "c", "d", "e"]), np.array(["1", "1", "2", "3", "3"]))
    assert len({*found[:2]}) == 1
    assert len({*found[3:]}) == 1
    assert len({*found}) == 3
    assert len({*joined_groups(np.array(["a", "b", "b"]), np.array(["1", "1", "2"]))}) == 1


def test_where_some_records_match_the_change_is_of_these_alone(leaking):
    ids, scores = [*OTHERS[:20], *IDS[20:]], noisy(2, 0.1, 0.5, 0.0)
    found = compared(leaking, finished(named(scores), ids, LABELS, target=OTHER_TARGET))
    kept = slice(20, None)
    expected = auc_difference(scores[0, kept], noisy(1, 1.6, 0.5, 0.0)[0, kept], LABELS[kept])
    assert (found.matched.basis, found.matched.n_members) == ("shared", N - 20)
    assert found.rows[0].change.ci == pytest.approx(expected.ci)
    assert found.rows[0].change.before.auc != found.rows[0].a.auc
    told = said(found)
    assert "II-S, in both" in page(found)
    assert "their difference mixes records and targets, so none is given" in told
    assert "II-S: AUC is lower in B by" in told
    assert "on the records in both" in told


def test_a_record_whose_label_differs_is_no_pair(leaking):
    turned = LABELS.copy()
    turned[:10] = 0
    found = compared(leaking, finished(named(noisy(2, 0.1, 0.5, 0.0)), labels=turned))
    assert found.matched.basis == "shared"
    assert (found.matched.in_both, found.matched.relabelled, found.matched.n_members) == (2 * N, 10, N - 10)
    assert "10 of the 120 records in both are members in one audit and not in the other" in said(found)


def test_no_change_is_said_where_all_labels_are_swapped(leaking):
    found = compared(leaking, finished(named(noisy(2, 0.1, 0.5, 0.0)), labels=1 - LABELS))
    assert found.matched.basis == "none"
    assert [row.change for row in found.rows] == [None] * 3
    assert "no change is said: too few of the records" in said(found)
    assert "II-S" in page(found)


def test_other_records_are_independent_unless_they_are_of_the_same_groups(leaking):
    scores = named(noisy(2, 0.1, 0.5, 0.0))
    found = compared(leaking, finished(scores, OTHERS))
    assert found.matched.basis == "apart"
    paired = compared(leaking, finished(scores)).rows[0].change
    apart = found.rows[0].change
    assert apart.delta == pytest.approx(paired.delta)
    assert apart.ci[1] - apart.ci[0] > 1.2 * (paired.ci[1] - paired.ci[0])
    assert "Nothing is paired" in said(found)
    grouped = compared(leaking, finished(scores, OTHERS, groups=IDS))
    assert grouped.matched.basis == "none"
    assert "neither pairs nor independent" in said(grouped)


def test_where_nothing_changed_what_would_have_been_seen_is_told(leaking):
    same = compared(leaking, finished(named(noisy(3, 1.6, 0.5, 0.0))))
    assert all("no difference seen" in line and "would have been (80 %)" in line for line in findings(same))
    itself = compared(leaking, leaking)
    assert findings(itself)[0].endswith("unchanged.")
    assert ">0<small>unchanged</small>" in page(itself)  # a number, by which the table sorts
    assert "What differs: nothing but numbers" in said(itself)


def test_near_one_a_small_p_beside_an_interval_with_zero_is_explained():
    noise = np.random.default_rng(0).normal(size=2 * N)
    before = np.where(LABELS == 1, np.where(np.arange(2 * N) % 8, 9.0, 0.5), 0.0) + noise
    (sentence,) = findings(compared(finished({"II-S": before}), finished({"II-S": LABELS * 9.0 + noise})))
    assert "no difference seen" in sentence
    assert "but the interval, wider near an AUC of 0 or 1, holds 0" in sentence


def test_rates_change_only_above_the_floor_of_both():
    n = 150
    ids, labels = [f"r{i}" for i in range(2 * n)], np.repeat([1, 0], n)
    a, b = (finished({"II-S": noisy(seed, shift, n=n)[0]}, ids, labels) for seed, shift in ((1, 2.0), (2, 0.0)))
    (moved,) = compared(a, b).rows[0].tpr
    assert moved.fpr == 0.1
    assert moved.ci[0] < moved.delta == moved.after - moved.before < moved.ci[1] < 0
    assert compared(a, finished({"II-S": noisy(2, 0.0)[0]})).rows[0].tpr == ()


def test_what_differs_is_listed_and_qualifies_the_change(leaking, defended, change):
    assert [each.name for each in change.differing] == ["target.weights"]
    assert list(warnings(change)) == []
    (one,) = warnings(compared(leaking, leaking))
    assert "same target" in one
    more = finished(
        named(noisy(2, 0.1, 0.5, 0.0)),
        target={**OTHER_TARGET, "access": "denoise"},
        config={"target": {"path": "shipped:openmoji-demo", "steps": 20}, "attacks": ["I-P", "II-S"], "seeds": 3},
        verdict={"kind": "design violated", "sentence": "Design violated: a control reads the sides."},
    )
    told = " ".join(warnings(compared(leaking, more)))
    assert "That the verdicts differ is no test of a change" in told
    assert "The verdict of B is design violated" in told
    assert "More than the target differs (config.seeds)" in told
    assert "The access levels differ: not known in A, denoise in B." in told


def test_outside_a_coin_a_change_is_told_beside_the_controls(leaking):
    held_out = {"design": "same_source_holdout", "coin": None, "target": OTHER_TARGET}
    found = compared(leaking, finished(named(noisy(2, 0.1, 0.5, 0.0)), **held_out))
    assert any("No coin decided in both audits" in line for line in warnings(found))
    attack, other = findings(found)
    assert re.search(r"; beside its control it changed by −0\.\d{3} \[−0\.\d{3}, −0\.\d{3}\]\.$", attack)
    assert "beside" not in other  # which has no control


def test_numbers_page_and_figure_are_of_the_comparison(change, tmp_path):
    made = save(change, tmp_path / "new")
    numbers = json.loads((tmp_path / "new/compare.json").read_text(encoding="utf-8"))
    assert numbers["schema"] == "lit-mia/compare/1"
    assert numbers["rows"][0]["change"]["delta"] == change.rows[0].change.delta
    assert (tmp_path / "new/compare.png").read_bytes().startswith(b"\x89PNG")
    text = made.read_text(encoding="utf-8")
    assert "Leakage beyond controls → leakage beyond controls" in text
    assert f"{change.rows[0].change.delta:+.3f}".replace("-", "−") in text
    assert "target.weights" in text
    assert text.count("<script") == 1  # which sorts tables
    assert "var(--kind-attack" in text
    assert text == page(change)


def test_a_row_that_one_audit_lacks_is_named(leaking):
    scores = named(noisy(2, 0.1, 0.5, 0.0))
    found = compared(leaking, finished({"II-S": scores["II-S"], "IV blind": scores["II-S blind"]}))
    assert [row.name for row in found.rows] == ["II-S"]
    assert (found.only_a, found.only_b) == (("II-S blind", "IV"), ("IV blind",))
    with pytest.raises(ReportError, match="no attack in common: A has II-S, IV; B has I-P"):
        compared(leaking, finished({"I-P": scores["II-S"]}))


def test_scores_that_are_not_those_of_the_report_are_refused(leaking, defended):
    mixed = type(leaking)(leaking.report, defended.scores)
    with pytest.raises(ReportError, match="scores of II-S are not those of its report"):
        Judged.of(mixed, "a")


def test_a_record_that_is_there_twice_is_refused():
    twice = finished({"II-S": noisy(1, 1.6)[0]}, [*IDS[:-1], IDS[0]])
    with pytest.raises(ReportError, match="has a record twice"):
        Judged.of(twice, "a")


def test_older_scores_are_read_where_every_record_is_its_own_group(leaking):
    scores = leaking.scores
    older = type(scores)(**{**vars(scores), "group": np.full(len(scores), "", dtype=object)})
    total = 2 * N
    sizes = {"test": {"member": N, "non_member": N}}
    alone, grouped = (
        type(leaking)(finished(named(noisy(1, 1.6, 0.5, 0.0)), splits={**leaking.report.splits, **of}).report, older)
        for of in ({"sizes": sizes, "groups": total}, {"sizes": sizes, "groups": total - 5})
    )
    assert Judged.of(alone, "a").groups.tolist() == Judged.of(leaking, "a").groups.tolist()
    with pytest.raises(ReportError, match="120 records are in 115"):
        Judged.of(grouped, "a")
