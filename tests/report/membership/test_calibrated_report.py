"""Reports of attacks that read the base: what it is, what each form makes of it, and what it does not take out."""

import json
import re
from dataclasses import replace

import pytest
from simulated_results import changed, printed, simulated

from lit_mia.attacks.calibration import BaseDifference, BaseJoint, BaseRegression, BaseSignVote
from lit_mia.report.membership.calibrations import CALIBRATIONS
from lit_mia.report.membership.notes import footnotes, limits_of
from lit_mia.report.membership.schema import AuditReport

BASE = {"class": "DenoiserTarget", "weights": "ef" * 32}
DOMAIN = "Calibrated attacks take out what is hard for the base too, not what the target learned of the domain"


@pytest.fixture(scope="module")
def calibrated():
    """A plain attack that has the base as its placebo, and a calibrated one that reads it."""
    result = simulated({"Loss": 0.5, "Difference (Loss)": 1.0}, "threshold")
    spent = {"queries": 0, "nfe": 9000, "seconds": 9.0, "money": 0.0}
    cost = replace(result.report.cost, by_target={**result.report.cost.by_target, "base": spent})
    return changed(result, base=BASE, placebo=BASE, cost=cost)


def test_every_form_has_a_sentence():
    assert [form.name for form in CALIBRATIONS] == [
        attack.form for attack in (BaseDifference, BaseRegression, BaseJoint, BaseSignVote)
    ]


def test_the_base_and_the_form_are_told_wherever_a_table_stands(calibrated):
    for text in (" ".join(printed(calibrated).split()), calibrated.markdown(), calibrated.page()):
        assert "the base, the model before the fine-tuning, what they ask the target" in text
        assert "Difference: the target's statistic minus the base's" in text.replace("&#39;", "'")
        assert "Regression" not in text
        asked = re.sub(r"(?<=\d)\s(?=\d)", "", text)
        assert "the target 160000, the base 9000 and the placebo 160000 evaluations" in asked


def test_the_page_holds_the_fingerprint_of_the_base_and_its_control(calibrated):
    page = calibrated.page()
    assert "ef" * 32 in page
    assert "sees what the base, the model before the fine-tuning, says of the records" in page
    assert "var(--kind-base)" in page


def test_the_base_is_read_from_the_file_and_older_files_have_none(calibrated):
    data = json.loads(json.dumps(calibrated.numbers()))
    assert data["base"] == BASE
    assert AuditReport.from_dict(data) == calibrated.report
    del data["base"]
    older = AuditReport.from_dict(data | {"rows": [{**row, "reads_base": None} for row in data["rows"]]})
    assert older.base is None
    assert not any("Calibrated" in note for note in footnotes(older, []))


@pytest.mark.parametrize(("coin", "told"), [("verified", False), ("stated", True), (None, True)])
def test_the_limit_of_calibration_is_told_unless_a_coin_was_checked(coin, told):
    sizes = {"member": 20, "non_member": 30}
    design = "same_source_holdout" if coin is None else "canary"
    said = " ".join(limits_of(design, coin, True, sizes, reads_base=True))
    assert (DOMAIN in said) == told
    assert ("What the placebo of a calibrated attack learned" in said) == told
    assert DOMAIN not in " ".join(limits_of(design, coin, True, sizes))


def test_a_hint_under_a_stated_coin_says_what_would_look_the_same(calibrated):
    verdict = {"kind": "suggestive (no placebo)", "sentence": "Suggestive, not evidence (no placebo): told."}
    page = changed(calibrated, design="canary", coin="stated", verdict=verdict).page()
    assert "what the target learned of the members' domain as a whole would look the same" in page
    assert "which calibration by the base does not take out" in page
