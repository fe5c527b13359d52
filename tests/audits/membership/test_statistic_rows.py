"""Audits of training-free attacks from target to verdict: a planted signal, none, and both protocols."""

import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

from datamodules import StatisticDataModule
from lit_mia.attacks import AttackIIS, ResidualHead
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.statistics import PIA, FreMIA, Loss, ReDiffuse, SimA
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.membership.statistic_scorer import StatisticScorer
from lit_mia.errors import HeadError
from lit_mia.metrics.auc import auc

N = 240
IMAGES = smooth_images(N, 0)
MEMBERS = [1, 0] * (N // 2)
BUDGET = Budget(seeds=1, max_epochs=15, patience=6, accelerator="cpu")


@pytest.fixture
def data(tmp_path):
    """Records and a target; `seen` are the images that it has memorised."""

    def build(seen=IMAGES[::2]):
        return StatisticDataModule(MemorySource(IMAGES, MEMBERS), OptimalTarget(seen), str(tmp_path / "store"), 8)

    return build


@pytest.fixture
def make(data):
    """An audit."""

    def build(attacks, seen=IMAGES[::2], placebo=None, **settings):
        settings = {"budget": BUDGET, "design": "same_source_holdout", "head": ResidualHead(width=4)} | settings
        return MembershipAudit(data(seen), attacks, placebo, **settings)

    return build


def rows_by_name(report):
    return {row.name: row for row in report.rows}


def test_a_target_that_memorised_its_members_leaks(make, tmp_path):
    placebo = OptimalTarget(smooth_images(120, 7))
    audit = make([Loss(t=[100, 300]), ReDiffuse(n=[1, 3]), SimA()], placebo=placebo)
    result = audit.run(Run("planted", {}, tmp_path / "out"))
    report, scores = result.report, result.scores
    rows = rows_by_name(report)
    assert report.verdict["kind"] == "suggestive (weak placebo)"  # 48 non-members cannot show that it is as good
    assert report.protocol == "threshold"
    for name in ("Loss", "ReDiffuse", "SimA"):
        assert rows[name]["auc"] > 0.95
        assert rows[name]["ratio_lo"] > 1.5
        assert {row.kind for row in report.rows if row.attack == name} == {"attack", "blind", "metadata", "placebo"}
        assert abs(rows[f"{name} placebo"]["auc"] - 0.5) < 0.25
    assert rows["ReDiffuse"]["evaluations"] in (2, 6)
    assert report.cost.by_target["target"]["nfe"] == N * (2 + 6 + 1)
    assert report.cost.nfe == audit.data.target.nfe + placebo.nfe
    assert set(scores.row) == set(rows)


def test_a_target_that_saw_neither_side_does_not_leak(make, tmp_path):
    audit = make([Loss(), SimA(t=[50, 100, 200])], seen=smooth_images(120, 7))
    report = audit.run(Run("null", {}, tmp_path / "out")).report
    assert report.verdict["kind"] != "leakage beyond controls"
    assert all(abs(row["auc"] - 0.5) < 0.25 for row in report.rows)


def test_without_a_stated_design_a_leak_is_no_evidence(data, tmp_path):
    audit = MembershipAudit(data(), [Loss()], budget=BUDGET, head=ResidualHead(width=4))
    report = audit.run(Run("unstated", {}, tmp_path / "out")).report
    assert report.rows[0]["outcome"] == "not evidence (post hoc design)"
    assert (report.design, report.verdict["kind"]) == ("post_hoc", "not evidence (post hoc design)")


def test_the_setting_is_chosen_on_train_and_val(make, tmp_path):
    audit = make([Loss(t=[0, 100, 900, 999])])
    report = audit.run(Run("choice", {}, tmp_path / "out")).report
    data, attack = audit.data, Loss()
    rows = [row for split in ("train", "val") for row in data.view.splits.rows[split]]
    labels = [data.view.known.members[row] for row in rows]
    aucs = {t: auc(data.statistics(attack, {"t": t})[rows, 0], labels) for t in (0, 100, 900, 999)}
    assert report.rows[0]["setting"] == f"t = {max(aucs, key=aucs.get)}"
    assert min(aucs.values()) < max(aucs.values())


def test_an_inverted_attack_stays_below_a_half(make, tmp_path):
    audit = make([Loss()], seen=IMAGES[1::2])  # it has memorised what is called non-members
    report = audit.run(Run("inverted", {}, tmp_path / "out")).report
    assert report.rows[0]["auc"] < 0.1


def test_a_resnet_learns_from_the_maps(make, tmp_path):
    audit = make([Loss(t=200), PIA(t=200)], protocol="resnet")
    report = audit.run(Run("resnet", {}, tmp_path / "out")).report
    rows = rows_by_name(report)
    assert report.protocol == "resnet"
    assert rows["Loss"]["auc"] > 0.8
    assert rows["Loss"]["smallest_difference"]["delta"] > 0
    assert report.cost.nfe == N * 3  # the maps come from the same single pass as the statistics
    assert (tmp_path / "out/heads/Loss.threshold.json").is_file()
    assert set(rows) == {"Loss", "Loss blind", "Loss metadata", "PIA", "PIA blind", "PIA metadata"}


def test_a_filter_costs_nothing(make):
    audit = make([Loss(t=200), FreMIA(Loss(t=200))])
    assert audit.estimate()["target"].nfe == N


def test_a_query_asks_the_placebo_only_at_the_chosen_settings(make):
    audit = make([Loss(t=[100, 300, 999]), SimA()], placebo=OptimalTarget(IMAGES[:5]))
    spent = audit.query()
    assert {role: cost.nfe for role, cost in spent.items()} == {"target": N * 4, "placebo": N * 2}
    assert {role: cost.nfe for role, cost in audit.query().items()} == {"target": N * 4, "placebo": N * 2}


def test_an_estimate_asks_nothing(make):
    audit = make([Loss(), ReDiffuse(n=[1, 2])], placebo=OptimalTarget(IMAGES[:5]))
    estimates = audit.estimate()
    assert {role: estimate.nfe for role, estimate in estimates.items()} == {"target": N * 5, "placebo": N * 3}
    assert audit.data.target.nfe == 0


def test_heads_and_statistics_are_not_mixed(make):
    with pytest.raises(HeadError, match="StatisticDataModule does not serve residual"):
        make([Loss(), ResidualHead()])
    for attacks in ([AttackIIS()], [Loss(), AttackIIS()]):
        with pytest.raises(HeadError, match="StatisticDataModule does not serve II-S"):
            make(attacks, head=None)


def test_the_scorer_names_the_protocol(make):
    audit = make([Loss()])
    assert [type(scorer) for scorer in audit.scorers] == [StatisticScorer]
    assert audit.protocol == "threshold"
