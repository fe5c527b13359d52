"""Audits with other labels: what they ask, what learns in them, and what becomes of one that fails."""

import numpy as np
import pytest
from planted_audits import NOTHING, statistic_audit

from lit_mia.attacks import AttackIIP, AttackIIS
from lit_mia.attacks.calibration import BaseDifference
from lit_mia.attacks.statistics import Loss, SimA
from lit_mia.audits.self_test import trials as made
from lit_mia.audits.self_test.running import Effort, expecting, plan
from lit_mia.audits.self_test.trials import NO_VERDICT, PLACEBO, Trial, Trials, placed
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc
from lit_mia.report.membership.scores import RowScores


@pytest.fixture
def statistics(tmp_path):
    """Makes a training-free audit of which all was asked."""

    def make(**options):
        audit = expecting(statistic_audit(tmp_path, **options))
        audit.query()
        return audit

    return make


def of(planting, numbers, strength=0.0, every=False):
    return [Trial(planting, strength, number, every) for number in numbers]


def test_labels_are_drawn_by_trial_and_keep_their_number(statistics):
    trials = Trials(statistics(), 1)
    own = np.array(trials.audit.data.view.known.members)
    drawn = [trials._labels(trial) for trial in (*of("nothing", (0, 1)), *of("images", (0, 1), 1.5))]
    for split in trials.audit.data.view.splits.rows.values():
        assert {labels[list(split)].sum() for labels in drawn} == {own[list(split)].sum()}
    assert len({labels.tobytes() for labels in drawn}) == 4
    assert np.array_equal(drawn[0], trials._labels(Trial("nothing", 0.0, 0, True)))
    assert np.array_equal(own, trials._labels(Trial(PLACEBO, 0.0, 0, False)))
    tilt = trials.tilt("images")
    assert min(auc(tilt, labels) for labels in drawn[2:]) > 0.7 > max(auc(tilt, labels) for labels in drawn[:2])


def test_settings_are_chosen_anew_and_nothing_is_asked(statistics):
    attacks = [Loss(t=[0, 100, 999]), SimA(t=[50, 100]), BaseDifference([Loss(t=[100])])]
    audit = statistics(attacks=attacks)
    targets = [side.target for side in audit.sides.values()]
    spent, own = [target.nfe for target in targets], list(audit.data.view.known.members)
    assert spent == [120 * 5, 120 * 5, 120 * 1]  # the placebo at every setting, the base at that of what reads it
    trials = Trials(audit, 1)
    chosen = set()
    labels = [trials._labels(trial) for trial in of("nothing", range(16))]
    for members in labels:
        (scorer,) = trials._scorers(members, None, False)
        scorer.announce()
        scorer.query()
        chosen.add(scorer._chosen["Loss"]["t"])
        train = [*scorer.data.view.splits.rows["train"], *scorer.data.view.splits.rows["val"]]
        aucs = {t: auc(scorer.data.statistics(Loss(), {"t": t})[train, 0], members[train]) for t in (0, 100, 999)}
        assert aucs[scorer._chosen["Loss"]["t"]] == max(aucs.values())
        assert scorer.data.base.view.known.members == scorer.placebo.view.known.members == tuple(members)
    assert len(chosen) > 1
    (outcome,) = trials.outcomes(of("nothing", [11]))
    assert set(outcome.attacks) == {"Loss", "SimA", attacks[2].name}
    assert {"Loss blind", "Loss placebo", f"{attacks[2].name} base"} <= set(outcome.controls)
    assert [target.nfe for target in targets] == spent
    assert list(audit.data.view.known.members) == own


def test_the_power_is_computed_in_some_trials(statistics, monkeypatch):
    monkeypatch.setattr(made, "POWERS", 1)
    first, second = Trials(statistics(), 1).outcomes(of("nothing", (0, 1)))
    assert first.planted_auc is None
    assert 0.5 < first.auc_needed < 1
    assert second.auc_needed is None


def test_a_trial_without_a_verdict_does_not_end_the_others(statistics, monkeypatch):
    draw, one_class = made.draw_labels, [True, False, True]

    def torn(labels, groups, splits, *, tilt, rng):
        drawn = draw(labels, groups, splits, tilt, rng)
        return np.ones_like(drawn) if one_class.pop() else drawn

    monkeypatch.setattr(made, "draw_labels", torn)
    outcomes = list(Trials(statistics(), 1).outcomes(of("nothing", range(10, 13))))
    assert [outcome.verdict == NO_VERDICT for outcome in outcomes] == [True, False, True]
    assert outcomes[0].attacks == {}


def test_trials_say_nothing(statistics, capsys):
    trials = Trials(statistics(), 1)
    capsys.readouterr()
    for _ in trials.outcomes(of("nothing", [10])):
        print("others are heard")
    assert capsys.readouterr().out == "others are heard\n"


def test_networks_on_residual_maps_learn_apart(statistics):
    trials = Trials(statistics(attacks=[Loss(t=100)], protocol="resnet"), 1)
    assert trials.attacks == {True: ["Loss"], False: []}
    planned = plan(trials, Effort(permutations=9, planted=5, apart=2)).trials
    assert {trial.every for trial in planned} == {True}
    assert [trial.number for trial in planned if trial.planting == "nothing"] == [0, 1]
    with pytest.raises(HeadError, match="`apart` 0 tests nothing"):
        plan(trials, Effort(apart=0))


def test_maps_of_several_settings_are_refused_before_anything_is_asked(tmp_path):
    audit = statistic_audit(tmp_path, attacks=[Loss(t=[100, 200])], protocol="resnet")
    with pytest.raises(HeadError, match="residual maps are asked at the chosen one alone"):
        expecting(audit)
    assert audit.data.target.nfe == 0


def test_a_statistic_takes_part_in_all_trials_and_its_network_control_in_some(statistics):
    trials = Trials(statistics(), 1)
    assert trials.attacks == {True: ["Loss"], False: ["Loss"]}
    assert not trials.learn_together
    planned = plan(trials, Effort(permutations=3, planted=0, apart=2))
    assert planned.trials == [*of(PLACEBO, [0]), *of("nothing", range(3)), *of("nothing", range(2), every=True)]
    assert planned.not_planted == {}


def test_pixel_heads_take_part_in_trials_of_every_attack(audit_of):
    trials = Trials(audit_of(NOTHING, attacks=[AttackIIS(widths=(8, 4)), AttackIIP()]), 1)
    assert trials.attacks == {True: ["II-S", "II-P"], False: ["II-S"]}
    assert not trials.learn_together
    assert Trials(audit_of(NOTHING), 1).learn_together


def test_what_cannot_be_planted_is_left_out_of_the_plan(statistics):
    planned = plan(Trials(statistics(), 1), Effort(permutations=1, planted=1, apart=0))
    assert set(planned.not_planted) == {"captions", "alignment"}
    assert [trial.planting for trial in planned.trials] == [PLACEBO, "nothing", "images", *["answers"] * 4]


@pytest.mark.parametrize("given", [{"permutations": 0}, {"planted": -1}, {"apart": -1}, {"seeds": 0}, {"workers": 0}])
def test_efforts_that_are_none_are_refused(given):
    (name,) = given
    with pytest.raises(HeadError, match=f"`{name}` of a self-test must be at least"):
        Effort(**given)


@pytest.mark.parametrize("given", [{"apart": None}, {"planted": None}, {"permutations": 2.5}, {"workers": "two"}])
def test_efforts_that_are_no_numbers_are_told(given):
    (name,) = given
    with pytest.raises(HeadError, match=f"`{name}` of a self-test must be a whole number, but got {given[name]!r}"):
        Effort(**given)


def test_a_placebo_takes_the_place_of_the_target():
    scores = {name: np.full((1, 3), number) for number, name in enumerate(("a", "b", "b placebo", "b blind"))}
    rows = [
        RowScores("a", "attack", "a", scores["a"], protocol="heads"),
        RowScores("a blind", "blind", "a", scores["a"], protocol="heads"),
        RowScores("b", "attack", "b", scores["b"], protocol="heads"),
        RowScores("b blind", "blind", "b", scores["b blind"], protocol="heads"),
        RowScores("b placebo", "placebo", "b", scores["b placebo"], protocol="heads"),
    ]
    found = {row.name: row.scores for row in placed(rows)}
    assert found == {"b": scores["b placebo"], "b blind": scores["b blind"]}


def test_the_trial_of_the_placebo_has_its_scores_and_none_to_compare_with(statistics):
    trials = Trials(statistics(), 1)
    (outcome,) = trials.outcomes(of(PLACEBO, [0]))
    data = trials.audit.scorers[0].placebo
    test, members = list(data.view.splits.rows["test"]), np.array(data.view.known.members)
    aucs = [auc(data.statistics(Loss(), {"t": t})[test, 0], members[test]) for t in (100, 200)]
    assert outcome.attacks["Loss"] in aucs
    assert set(outcome.controls) == {"Loss blind", "Loss metadata"}
    assert outcome.verdict == "not detected at this power"
