from dataclasses import replace

import pytest
from PIL import Image
from scipy.stats import hypergeom
from simulated_results import changed, printed

from lit_mia.records import Records
from lit_mia.report.base import read_numbers
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.notes import refusal_note
from lit_mia.report.membership.refused import count_refused, unequal_refusals

N = 40
CHARGED = {"confirmed": 1200, "uncertain": 3, "confirmed_money": 24.0, "uncertain_money": 0.06}


def count(members, others):
    """What is counted if so many members and non-members of 40 each are refused."""
    ids = tuple(f"{side}{number}" for side in "mn" for number in range(N))
    records = Records(ids, (None,) * 2 * N, (1,) * N + (0,) * N, ids, lambda row: Image.new("RGB", (2, 2)), stamps=ids)
    reasons = {f"m{number}": "violence" if number % 3 else "a person" for number in range(members)}
    return count_refused(records, reasons | {f"n{number}": "violence" for number in range(others)})


@pytest.fixture
def refused(audit):
    """A result of a target that refuses members more often."""
    charged = replace(audit.report.cost, charges={"target": CHARGED})
    return changed(audit, refused={"target": count(12, 1), "placebo": count(2, 2)}, cost=charged)


def test_refusals_are_counted_by_class_and_reason():
    counted = count(12, 1)
    assert counted["asked"] == {"member": N, "non_member": N}
    assert counted["refused"] == {"member": 12, "non_member": 1}
    assert counted["reasons"] == {"member": {"a person": 4, "violence": 8}, "non_member": {"violence": 1}}


def test_the_p_value_sums_all_tables_that_are_no_more_likely():
    law = hypergeom(2 * N, N, 13)
    expected = sum(law.pmf(k) for k in range(14) if law.pmf(k) <= law.pmf(12) * (1 + 1e-9))
    assert count(12, 1)["p_unequal"] == pytest.approx(expected)


@pytest.mark.parametrize(("members", "others", "more"), [(12, 1, "members"), (0, 10, "non-members")])
def test_unequal_refusal_is_told(members, others, more):
    (warning,) = unequal_refusals({"target": count(members, others)})
    assert warning.startswith(
        f"The target refuses {more} more often: {members} of 40 members, {others} of 40 non-members (Fisher's exact"
    )
    assert "betrays membership and is not in the scores" in warning


@pytest.mark.parametrize(("members", "others"), [(0, 0), (8, 8), (40, 40), (7, 2)])
def test_equal_refusal_is_not(members, others):
    assert unequal_refusals({"target": count(members, others)}) == []


def test_a_placebo_that_refuses_unequally_says_something_else():
    (warning,) = unequal_refusals({"placebo": count(12, 1)})
    assert "saw neither side" in warning
    assert "betrays" not in warning


def test_a_note_tells_shares_and_reasons():
    note = refusal_note("target", count(12, 0))
    assert note.startswith("The target refused 12 of 40 (violence: 8, a person: 4) of the members and 0 of 40 of the ")


def test_table_and_page_tell_refusals_and_charges(refused):
    warning = "The target refuses members more often: 12 of 40 members"
    note = "The placebo refused 2 of 40 (a person: 1, violence: 1) of the members"
    paid = (
        "Images asked for from the target, in all runs: 1\u202f200 with a confirmed charge (24.00), 3 possibly charged "
        "(0.06)."
    )
    text, page = printed(refused, 200), refused.page()
    for words in (warning, note, paid):
        assert words in text
        assert words in page
    assert page.index(warning) < page.index("Attacks and their controls")
    assert text.index(warning) > text.index(paid)  # in the verdict, which is last
    assert note in refused.markdown()


def test_reports_without_refusals_and_charges_do_not_mention_them(audit):
    for text in (printed(audit, 200), audit.page()):
        assert "refuse" not in text
        assert "Images asked for" not in text


def test_refusals_and_charges_survive_the_file(refused, tmp_path):
    refused.save(tmp_path)
    assert MembershipResult.load(tmp_path, read_numbers(tmp_path)).report == refused.report
