"""The section of a model card and `report.md`: every number with its interval and condition, nothing of records."""

import json
import re
from dataclasses import replace

import pytest
from measured_results import EACH, measured
from simulated_results import changed, with_values
from simulated_self_tests import self_test

from lit_mia.errors import CommandError, LitMiaError
from lit_mia.files import key_digest
from lit_mia.main import run
from lit_mia.report.membership.card import card
from lit_mia.report.membership.configuration import key_of
from lit_mia.report.membership.schema import AuditReport


@pytest.fixture(scope="module")
def result():
    return measured()


@pytest.fixture(scope="module")
def text(result):
    return card(result.report, None)


def line_of(text, start):
    (line,) = [line for line in text.splitlines() if line.startswith(start)]
    return line


def test_the_verdict_comes_first_and_the_limits_last(result, text):
    title, _, verdict, *_ = text.splitlines()
    assert title == "## Membership inference audit"
    assert verdict.startswith("**Leakage beyond controls.** II-S tells members from non-members")
    assert text.index("### What this does not mean") > text.index("| Attack |")
    assert all(f"- {limit}\n" in text for limit in result.report.limits)


def test_outside_a_coin_no_bare_auc_is_the_headline(text):
    (headline,) = [line for line in text.splitlines() if line.startswith("Better than every control")]
    assert re.search(r"\*\*\d+\.\d\d ×\*\* smallest ΔAUC \+0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]", headline)


@pytest.mark.parametrize("attack", ["I-P", "II-S"])
def test_every_number_of_an_attack_has_its_interval_and_condition(text, attack):
    cells = line_of(text, f"| **{attack}** |").split(" | ")
    interval = r"\[−?\d\.\d{3}, \d\.\d{3}\]"
    assert re.fullmatch(rf"0\.\d{{3}} {interval} seeds .*", cells[1])
    assert re.fullmatch(rf"0\.\d{{3}} {interval} at \d+(\.\d+)?\xa0% FPR", cells[2])
    assert cells[3] == cells[4] == "–"
    assert re.fullmatch(rf"[+−]0\.\d{{3}} {interval} to (blind|caption|placebo)", cells[5])
    assert re.search(r"p (=|&lt;) ", cells[7])


def test_what_the_numbers_rest_on(result, text):
    report = result.report
    assert f"fingerprint `{key_digest(report.target)[:16]}`" in line_of(text, "| **Audited**")
    sure = line_of(text, "| **How sure**")
    assert f"on {EACH} members and {EACH} non-members" in sure
    assert f"an AUC of {report.power['auc_needed']:.3f} would be found".lower() in sure.lower()
    assert "Self-test: not run." in sure
    assert "no coin decided" in line_of(text, "| **Against what**")
    assert "8\u202f000 queries" in line_of(text, "| **At what cost**")
    assert "lit-mia 0.1.0" in line_of(text, "| **By**")
    for digest in (key_of(report), report.splits["digest"], report.store_digest):
        assert f"`{digest[:16]}`" in line_of(text, "| **SHA-256**")
    assert "- FPR floor 10/n0: 9.09\u00a0%." in text
    assert "no leakage" not in text.lower()


def test_the_false_alarms_of_a_self_test_are_told(result):
    test = self_test(configuration=key_of(result.report))
    assert "Nothing planted" in line_of(card(result.report, test), "| **How sure**")


def test_the_bound_stands_beside_its_ceiling(result):
    tier = {"copies": 1, "records": 1, "coins": 90, "guesses": 80, "right": 70, "epsilon": 1.5, "ceiling": 3.9}
    bound = {"reason": None, "delta": 1e-5, "attack": "II-S", "inside": 0.2, "outside": 0.2}
    bound |= {"tiers": [{**tier, "found": 0.6, "two_rates": None}]}
    told = card(changed(result, dp_bound=bound).report, None)
    assert "| **one record** | 90 | 70 of 80 | 1.50 | 3.90 | 0.60 | – |" in told
    assert "95\u00a0% confidence" in told
    none = {**bound, "reason": "There are no coins in val.", "tiers": []}
    assert "- Lower bound on ε: none. There are no coins" in card(changed(result, dp_bound=none).report, None)


def test_nothing_is_taken_for_markdown(result):
    rows = [with_values(row) for row in result.report.rows]
    rows[3] = replace(rows[3], name="A|<b>", attack="A|<b>")
    verdict = {"kind": "confounded", "sentence": "Confounded: A|<b> is better\nthan chance."}
    told = card(changed(result, rows=rows, verdict=verdict).report, None)
    assert "<" not in told
    assert "A\\|&lt;b>" in line_of(told, "| **A\\")
    assert "**Confounded.** A\\|&lt;b> is better than chance." in told


@pytest.mark.parametrize("name", ["![x](//t/p.png)", "[I-P](//t) *b*", "I-P\r\r# Fine\u2028", "<img src=//t>|"])
def test_no_name_makes_a_link_an_image_or_a_line(result, name):
    """Also that of the control which the headline of a hold-out names."""
    text = json.dumps(result.report.to_dict()).replace("II-S placebo", json.dumps(name)[1:-1])
    text = text.replace("II-S blind", json.dumps(f"{name}2")[1:-1])
    report = AuditReport.from_dict(json.loads(text))
    told = card(replace(report, limits=[*report.limits, name]), None)
    assert "](" not in told
    assert "<" not in told
    assert len(told.splitlines()) == len(card(result.report, None).splitlines()) + 1


def test_dashes_that_are_explained_are_those_of_the_table(result):
    rows = [row if row.kind == "attack" else with_values(row, auc_ci=None) for row in result.report.rows]
    assert "AUC –" not in card(changed(result, rows=rows).report, None)
    rows = [with_values(row, auc_ci=None) for row in result.report.rows]
    assert "- AUC –: an interval cannot be said" in card(changed(result, rows=rows).report, None)


def test_nothing_of_records_and_no_place_of_the_machine(result):
    target = {"pipeline": "SomePipeline", "access": "generate", "weights": "/home/me/weights"}
    told = card(changed(result, target=target, config={"store": "/home/me/store"}).report, None)
    assert "SomePipeline, fingerprint" in told
    assert "(generate)" in told
    assert "/home" not in told
    assert "emoji-17" not in told


def test_report_md_is_written_with_the_page(result, tmp_path):
    tested = replace(result, self_test=self_test(configuration=key_of(result.report)))
    tested.save_page(tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# measured\n\n## Membership inference audit\n")
    assert text.endswith(tested.markdown())
    assert card(tested.report, tested.self_test) in text


def test_a_card_that_has_more_in_it_is_not_overwritten(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result.save(tmp_path / "audit")
    whole = "---\nlicense: mit\n---\n# Model\n"
    (tmp_path / "README.md").write_text(whole, encoding="utf-8")
    with pytest.raises(CommandError, match="would take the place of what that file holds"):
        run(["card", "audit", "--output", "README.md"])
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == whole
    for file in (".", "README.md/own.md"):
        with pytest.raises(LitMiaError, match=r"Give a file in it|Nothing can be written"):
            run(["card", "audit", "--output", file])
    for _ in range(2):
        run(["card", "audit", "--output", "own.md"])
    assert (tmp_path / "own.md").read_text(encoding="utf-8") == card(result.report, None)
