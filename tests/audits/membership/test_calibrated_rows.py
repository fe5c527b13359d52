"""Audits of calibrated attacks: what the base is asked, their control, and what is no placebo of theirs."""

import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

from datamodules import StatisticDataModule
from lit_mia.attacks import ResidualHead
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.calibration import BaseDifference, BaseJoint, BaseRegression, BaseSignVote
from lit_mia.attacks.statistics import CLiD, Loss, SimA
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import HeadError, TargetError

N = 240
IMAGES = smooth_images(N, 0)
MEMBERS = [1, 0] * (N // 2)
BEFORE = smooth_images(60, 7)
STATISTICS = [Loss(t=[100, 300]), SimA(t=[100])]
CALIBRATED = [BaseDifference(STATISTICS), BaseRegression(STATISTICS), BaseJoint(STATISTICS)]
BUDGET = Budget(seeds=1, max_epochs=2, accelerator="cpu")


class Settled(OptimalTarget):
    """Tells one more setting.

    Args:
        images: Its training set.
        guidance: The setting.
    """

    def __init__(self, images, guidance):
        super().__init__(images)
        self.guidance = guidance

    def fingerprint(self):
        return super().fingerprint() | {"guidance": self.guidance}


class Rescheduled(OptimalTarget):
    """Has every noise level of its training one timestep later."""

    @property
    def schedule(self):
        return type(super().schedule)([1 - 1e-6, *super().schedule._alphas_bar[:-1]])


def trained_on(*parts):
    return OptimalTarget(torch.cat([BEFORE, *parts]))


@pytest.fixture
def base():
    return OptimalTarget(BEFORE)


@pytest.fixture
def make(tmp_path, base):
    """An audit."""

    def build(attacks, target, placebo=None, store="store", **settings):
        settings = {"base": base} | settings
        audited = {name: settings.pop(name) for name in ("protocol",) if name in settings}
        data = StatisticDataModule(MemorySource(IMAGES, MEMBERS), target, str(tmp_path / store), 8, **settings)
        head = ResidualHead(width=4)
        design = "same_source_holdout"
        return MembershipAudit(data, attacks, placebo, budget=BUDGET, design=design, head=head, **audited)

    return build


def run(audit, tmp_path):
    return audit.run(Run("calibrated", {}, tmp_path / "out")).report


@pytest.mark.slow
def test_a_leak_stands_beside_what_the_base_alone_says(make, base, tmp_path):
    placebo = trained_on(smooth_images(120, 11))
    audit = make([Loss(t=[100, 300]), *CALIBRATED], trained_on(IMAGES[::2]), placebo)
    report = run(audit, tmp_path)
    rows = {row.name: row for row in report.rows}
    for attack in CALIBRATED:
        assert rows[attack.name]["auc"] > 0.95
        kinds = {row.kind for row in report.rows if row.attack == attack.name}
        assert kinds == {"attack", "blind", "metadata", "base", "placebo"}
        for kind in ("base", "placebo"):
            assert abs(rows[f"{attack.name} {kind}"]["auc"] - 0.5) < 0.25
    assert rows[CALIBRATED[1].name]["evaluations"] == 2 * 3
    assert {row.kind for row in report.rows if row.attack == "Loss"} == {"attack", "blind", "metadata", "placebo"}
    assert report.base == base.fingerprint()
    spent = {role: cost["nfe"] for role, cost in report.cost.by_target.items()}
    assert spent == {"target": N * 3, "base": N * 3, "placebo": N * 3}


@pytest.mark.slow
def test_a_target_that_learned_nothing_of_either_side_does_not_leak(make, tmp_path):
    placebo = trained_on(smooth_images(120, 11))
    report = run(make(CALIBRATED, trained_on(smooth_images(120, 12)), placebo), tmp_path)
    assert report.verdict["kind"] == "not detected at this power"
    assert all(abs(row["auc"] - 0.5) < 0.25 for row in report.rows)


@pytest.mark.slow
def test_the_base_is_a_placebo_of_plain_attacks_alone(make, tmp_path):
    audit = make([Loss(t=100), *CALIBRATED[:1]], trained_on(IMAGES[::2]), OptimalTarget(BEFORE))
    report = run(audit, tmp_path)
    assert [row.attack for row in report.rows if row.kind == "placebo"] == ["Loss"]
    assert set(report.placebo_checks) == {"Loss"}
    assert report.cost.by_target["placebo"]["nfe"] == N
    assert report.rows[[row.name for row in report.rows].index(CALIBRATED[0].name)]["outcome"] in (
        "suggestive (no placebo)",
        "confounded",
    )


def test_the_base_is_asked_once_for_all_that_came_from_it(make, base, tmp_path):
    first = make(CALIBRATED, trained_on(IMAGES[::2]))
    assert {role: estimate.nfe for role, estimate in first.estimate().items()} == {"target": N * 3, "base": N * 3}
    assert {role: cost.nfe for role, cost in first.query().items()} == {"target": N * 3, "base": N * 3}
    other = make(CALIBRATED, trained_on(IMAGES[1::2]), store="later")
    assert {role: cost.nfe for role, cost in other.query().items()} == {"target": N * 3, "base": 0}
    (kept,) = tmp_path.glob("base-*")
    assert not (kept / "splits.json").exists()
    assert not (kept / "features").exists()
    elsewhere = make(CALIBRATED, trained_on(IMAGES[::2]), base_store=str(tmp_path / "named"))
    assert elsewhere.query()["base"].nfe == N * 3


def test_plain_attacks_do_not_ask_the_base(make, base):
    assert set(make([Loss()], trained_on(IMAGES[::2])).query()) == {"target"}
    assert base.nfe == 0


def test_what_cannot_calibrate_is_refused_before_anything_is_asked(make):
    target = trained_on(IMAGES[::2])
    with pytest.raises(TargetError, match="there is no `base`"):
        make(CALIBRATED, target, base=None)
    with pytest.raises(TargetError, match="holds the weights of the target"):
        make(CALIBRATED, target, base=trained_on(IMAGES[::2]))
    with pytest.raises(TargetError, match="`guidance` differ"):
        make(CALIBRATED, Settled(IMAGES[::2], guidance=2.0), base=Settled(BEFORE, guidance=1.0))
    with pytest.raises(HeadError, match="protocol `resnet`"):
        make(CALIBRATED, target, protocol="resnet")
    with pytest.raises(TargetError, match="another noise schedule"):
        make(CALIBRATED, target, base=Rescheduled(BEFORE)).query()
    with pytest.raises(HeadError, match="at least 10"):
        make(CALIBRATED, target, fractions=(0.05, 0.2, 0.3, 0.45), store="few").query()
    assert target.nfe == 0


def test_records_are_not_looked_at_before_they_are_needed(tmp_path, base):
    class Undrawn(MemorySource):
        def load(self):
            raise AssertionError("these records would have to be drawn, and paid for")

    data = StatisticDataModule(Undrawn(IMAGES, MEMBERS), trained_on(IMAGES[::2]), str(tmp_path / "store"), 8, base=base)
    MembershipAudit(data, CALIBRATED, design="post_hoc")


class Renamed(OptimalTarget):
    """The base under weights that change nothing."""

    def fingerprint(self):
        return super().fingerprint() | {"lora": "weights of zero"}


@pytest.mark.slow
def test_a_placebo_that_answers_as_the_base_does_is_named(make, tmp_path):
    audit = make(CALIBRATED[2:], trained_on(IMAGES[::2]), Renamed(BEFORE))
    with pytest.raises(TargetError, match=r"The placebo 'optimal' answers as the base does wherever Joint head"):
        run(audit, tmp_path)


CAPTIONS = [f"kind {number % 20}" for number in range(N)]


@pytest.mark.slow
def test_the_vote_reads_components_that_are_higher_for_members(tmp_path):
    before = CAPTIONS[: len(BEFORE)]
    target = OptimalTarget(torch.cat([BEFORE, IMAGES[::2]]), [*before, *CAPTIONS[::2]])
    data = StatisticDataModule(
        MemorySource(IMAGES, MEMBERS, CAPTIONS),
        target,
        str(tmp_path / "store"),
        8,
        base=OptimalTarget(BEFORE, before),
    )
    vote = BaseSignVote([CLiD([440, 450, 460], reduced_draws=1, alpha=[0.1, 0.9])])
    report = run(MembershipAudit(data, [vote], design="post_hoc", budget=BUDGET, head=ResidualHead(width=4)), tmp_path)
    assert report.rows[0]["auc"] > 0.9
    assert report.rows[0]["evaluations"] == 2 * 7  # α weighs what is asked once
