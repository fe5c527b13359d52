"""Whole trials: each is the audit that these labels would have had; shifts are no leaks, leaks are found."""

import numpy as np
import pytest
from planted_audits import (
    LEAK,
    NOTHING,
    Planted,
    PlantedSource,
    hold,
    planted_audit,
    planted_data,
    statistic_audit,
)

from lit_mia.audits.base import Run
from lit_mia.audits.self_test import trials as made
from lit_mia.audits.self_test.running import expecting
from lit_mia.audits.self_test.trials import Trial, Trials

pytestmark = pytest.mark.slow
LEAKAGE = "leakage beyond controls"


class Relabelled(PlantedSource):
    """The records with other labels."""

    def __init__(self, planted, members):
        super().__init__(planted)
        self.members = members

    def load(self):
        return super().load().relabelled(self.members)


def assert_same(outcome, report):
    rows = {row.name: row for row in report.rows}
    found = {row.name: row["auc"] for row in report.rows}
    assert outcome.attacks | outcome.controls == pytest.approx(found, abs=1e-9)
    assert set(outcome.attacks) == {name for name, row in rows.items() if row.kind == "attack"}
    assert outcome.verdict == report.verdict["kind"]
    assert outcome.auc_needed == pytest.approx(report.power["auc_needed"], abs=1e-9)


def test_a_trial_of_heads_is_the_audit_of_records_with_these_labels(audit_of, tmp_path):
    """Also when it learns beside another one."""
    trials, planted = Trials(audit_of(LEAK), 1), Planted(LEAK, 0)
    asked = [Trial("answers", 1.0, number, False) for number in (12, 9)]
    outcome = list(trials.outcomes(asked))[1]
    source = Relabelled(planted, trials._labels(asked[1]))
    audit = planted_audit(planted_data(planted, tmp_path / "own", source=source))
    assert_same(outcome, audit.run(Run("own", {}, tmp_path / "out")).report)


def test_a_trial_of_statistics_is_the_audit_of_records_with_these_labels(tmp_path):
    audit = expecting(statistic_audit(tmp_path / "first"))
    audit.query()
    trials, trial = Trials(audit, 1), Trial("images", 1.5, 3, True)
    (outcome,) = trials.outcomes([trial])
    own = statistic_audit(tmp_path / "own", members=trials._labels(trial).tolist())
    assert_same(outcome, own.run(Run("own", {}, tmp_path / "out")).report)


@pytest.fixture
def made_of(monkeypatch):
    """What comes of trials of an audit, without their power."""
    monkeypatch.setattr(made, "POWERS", 0)

    def outcomes(audit, planting, strength, number):
        return list(Trials(audit, 1).outcomes([Trial(planting, strength, of, False) for of in range(number)]))

    return outcomes


def test_a_shift_is_confounded_and_no_leak(made_of, audit_of, monkeypatch):
    hold(400, monkeypatch)
    found = made_of(audit_of(NOTHING), "alignment", 3.0, 4)
    said = [outcome.verdict for outcome in found]
    assert said.count("confounded") >= 2
    assert LEAKAGE not in said
    assert np.mean([outcome.planted_auc for outcome in found]) > 0.85
    assert np.mean([outcome.controls["II-S joint"] for outcome in found]) > 0.7


def test_a_leak_is_found_by_its_strength_and_a_null_is_none(made_of, tmp_path):
    """The target leaks under the labels as they are, which permuted ones do not show."""
    audit = expecting(statistic_audit(tmp_path, design="canary", design_statement="A coin."))
    audit.query()
    strong, weak, nothing = (made_of(audit, "answers", strength, 4) for strength in (3.0, 0.2, 0.0))
    assert {outcome.verdict for outcome in strong} == {LEAKAGE}
    assert LEAKAGE not in {outcome.verdict for outcome in nothing}
    aucs = [np.mean([outcome.attacks["Loss"] for outcome in of]) for of in (strong, weak, nothing)]
    assert aucs[0] > 0.9 > 0.7 > aucs[1] > aucs[2]
    assert aucs[2] == pytest.approx(0.5, abs=0.1)
    controls = [value for outcome in strong for name, value in outcome.controls.items() if name != "Loss placebo"]
    assert np.mean(controls) == pytest.approx(0.5, abs=0.1)
