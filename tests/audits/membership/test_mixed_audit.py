"""Audits of trained heads and training-free attacks together: one result, one correction, one plan of queries."""

from dataclasses import dataclass

import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import QUARTERS, InkTarget
from streaming_target import StreamingTarget

from datamodules import AuxiliaryDataModule, ShadowDataModule, StatisticDataModule
from datamodules.sources.base import RecordSource
from lit_mia.attacks import AttackIIP, AttackIP
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.statistics import PIA, Loss, PangWang
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.cost import Cost
from lit_mia.errors import HeadError, RecordError, SplitError, TargetError
from lit_mia.metrics.evidence import LEVEL
from lit_mia.metrics.holm import holm
from lit_mia.records import Records
from lit_mia.targets.denoiser import DenoiserTarget

pytestmark = pytest.mark.slow

N, SIDE = 160, 16
IMAGES = smooth_images(N, 0, side=SIDE)
MEMBERS = [1, 0] * (N // 2)
CAPTIONS = [f"picture {row:03d}" for row in range(N)]
IDS = [f"r{row:03d}" for row in range(N)]
SOURCE = MemorySource(IMAGES, MEMBERS, CAPTIONS)
BUDGET = Budget(seeds=1, max_epochs=2, accelerator="cpu")
NOBODY = smooth_images(5, 9, side=SIDE)


@dataclass
class Rows(RecordSource):
    """Some rows of another source, in some order."""

    source: RecordSource
    rows: list[int]

    def load(self) -> Records:
        return self.source.load().select(self.rows)


@pytest.fixture
def ink(tmp_path):
    return InkTarget(tmp_path / "notes")


@pytest.fixture
def pairs(tmp_path, ink, encoder):
    """Makes the side of trained heads; what a test gives takes the place of the defaults."""

    def make(target=ink, **options):
        settings = {"source": SOURCE, "image_size": SIDE, "fractions": QUARTERS} | options
        return AuxiliaryDataModule(target=target, store=str(tmp_path / "pairs"), encoder=encoder, **settings)

    return make


@pytest.fixture
def findings(tmp_path):
    """Makes the side of training-free attacks."""

    def make(target=None, **options):
        settings = {"source": SOURCE, "image_size": SIDE, "fractions": QUARTERS} | options
        return StatisticDataModule(
            target=target or OptimalTarget(IMAGES[::2]), store=str(tmp_path / "found"), **settings
        )

    return make


@pytest.fixture
def run(tmp_path):
    return lambda audit: audit.run(Run("mixed", {}, tmp_path / "out"))


def attack_rows(report):
    return {row.name: row for row in report.rows if row.kind == "attack"}


def ids_by_row(scores):
    return {name: {*scores.id_hash[scores.row == name]} for name in {*scores.row}}


def test_a_pipeline_and_its_denoiser_make_one_result(pairs, findings, run, tiny_target, tiny_pipeline_folder):
    denoiser = DenoiserTarget(str(tiny_pipeline_folder), device="cpu")
    audit = MembershipAudit(
        pairs(tiny_target), [AttackIIP(), Loss(t=200), PIA()], also=findings(denoiser), budget=BUDGET
    )
    planned = audit.estimate()
    assert {role: (plan.records, plan.missing) for role, plan in planned.items()} == {
        "target": (N, N),
        "target (statistic)": (N, 3 * N),
    }
    assert audit.data.cost == audit.also.cost == Cost()
    spent = audit.query()
    assert {role: cost.queries for role, cost in spent.items()} == {"target": N, "target (statistic)": 3 * N}
    assert {plan.missing for plan in audit.estimate().values()} == {0}

    result = run(audit)
    report, scores = result.report, result.scores
    assert report.protocol == "heads + threshold"
    assert [(row.name, row["protocol"]) for row in report.rows] == [
        ("II-P", "heads"),
        *((f"II-P {control}", "heads") for control in ("blind", "caption", "joint", "n-grams", "metadata")),
        *(
            (f"{name}{control}", "threshold")
            for name in ("Loss", "PIA")
            for control in ("", " blind", " n-grams", " metadata", " round trip")
        ),
    ]
    assert ids_by_row(scores).keys() == {row.name for row in report.rows}
    assert len({frozenset(ids) for ids in ids_by_row(scores).values()}) == 1
    assert report.cost.by_target.keys() == {"target", "target (statistic)"}
    assert report.cost.queries == 4 * N
    assert report.target == {"target": tiny_target.fingerprint(), "target (statistic)": denoiser.fingerprint()}
    assert report.facts == {"target": tiny_target.facts}
    assert "DDIMScheduler, clip_sample False" in str(report.facts)
    assert report.placebo is None
    assert {audit.data.view.locked.digest, audit.also.view.locked.digest} == {report.splits["digest"]}


def test_one_holm_correction_holds_over_all_attacks(pairs, findings, run):
    audit = MembershipAudit(
        pairs(), [AttackIP(), AttackIIP(), Loss(), PIA()], also=findings(), budget=BUDGET, design="same_source_holdout"
    )
    result = run(audit)
    rows = attack_rows(result.report)
    largest = {
        name: max([row["p_own"], *(of["p_shift"] for of in row["differences"].values())]) for name, row in rows.items()
    }
    adjusted = holm(largest)
    assert list(adjusted) == ["I-P", "II-P", "Loss", "PIA"]
    assert {name: row["p_adjusted"] for name, row in rows.items()} == adjusted
    surest = min(largest, key=largest.get)
    assert adjusted[surest] == 4 * largest[surest] > 0
    assert rows["Loss"]["auc"] > 0.95  # the target has memorised its members: rows of both tables are the same records
    assert adjusted["Loss"] <= LEVEL
    assert result.report.verdict["kind"] != "leakage beyond controls"  # without a placebo nothing is, in a hold-out


def test_either_side_may_be_the_first(pairs, findings):
    audit = MembershipAudit(findings(), [Loss(), AttackIIP()], also=pairs())
    assert {role: plan.missing for role, plan in audit.estimate().items()} == {"target": N, "target (head)": N}


def test_each_side_has_its_placebo(pairs, findings, run, tmp_path):
    placebo, other = InkTarget(tmp_path / "placebo notes", ink=1), OptimalTarget(NOBODY)
    audit = MembershipAudit(pairs(), [AttackIIP(), Loss()], placebo, also=findings(), also_placebo=other, budget=BUDGET)
    spent = audit.query()
    assert {role: cost.queries for role, cost in spent.items()} == dict.fromkeys(
        ("target", "placebo", "target (statistic)", "placebo (statistic)"), N
    )
    report = run(audit).report
    assert {row.name for row in report.rows if row.kind == "placebo"} == {"II-P placebo", "Loss placebo"}
    assert report.placebo == {"placebo": placebo.fingerprint(), "placebo (statistic)": other.fingerprint()}
    assert len(placebo.asked()) == other.nfe == N


def test_a_placebo_of_one_side_is_none_of_the_other(pairs, findings, run, tmp_path):
    placebo = InkTarget(tmp_path / "placebo notes", ink=1)
    report = run(MembershipAudit(pairs(), [AttackIIP(), Loss()], placebo, also=findings(), budget=BUDGET)).report
    assert report.placebo == placebo.fingerprint()
    assert "placebo: none for Loss," in report.verdict["sentence"]
    assert not [limit for limit in report.limits if limit.startswith("placebo: none")]
    with pytest.raises(HeadError, match="`also_placebo` is the placebo of `also`, which is not given"):
        MembershipAudit(pairs(), [AttackIIP()], also_placebo=placebo)


@pytest.mark.parametrize(
    "options",
    [
        {"split_seed": 1},
        {"fractions": (0.3, 0.2, 0.25, 0.25)},
        {"source": Rows(SOURCE, [*range(N - 1)])},
        {"source": Rows(SOURCE, [*reversed(range(N))])},
        {"source": MemorySource(IMAGES, [0, 1] * (N // 2), CAPTIONS)},
    ],
    ids=["seed", "fractions", "records", "order", "labels"],
)
def test_other_records_or_splits_are_refused_before_anything_is_asked_or_locked(
    pairs, findings, ink, tmp_path, options
):
    audit = MembershipAudit(pairs(), [AttackIIP(), Loss()], also=findings(**options))
    for call in (audit.estimate, audit.query):
        with pytest.raises(SplitError, match="`data` and `also` must be about the same records, in the same order"):
            call()
    assert (ink.asked(), audit.also.target.nfe) == ([], 0)
    assert list(tmp_path.rglob("splits.json")) == []


def test_a_datamodule_that_no_attack_needs_is_refused(pairs, findings):
    for data, attacks, also, idle in (
        (pairs(), [AttackIIP()], findings(), "StatisticDataModule"),
        (findings(), [Loss()], pairs(), "AuxiliaryDataModule"),
        (pairs(), [AttackIIP()], pairs(), "AuxiliaryDataModule"),
    ):
        with pytest.raises(HeadError, match=f"No attack needs the answers of {idle}"):
            MembershipAudit(data, attacks, also=also)


def test_nothing_else_is_audited_beside_a_shadow(pairs, findings):
    with pytest.raises(HeadError, match=r"`also` gives .*but ShadowDataModule learns from"):
        MembershipAudit(ShadowDataModule(pairs(), pairs()), [AttackIIP(), Loss()], also=findings())
    with pytest.raises(HeadError, match="ShadowDataModule does not serve Loss"):
        MembershipAudit(ShadowDataModule(pairs(), pairs()), [Loss()])


def test_what_one_side_refuses_leaves_both(pairs, findings, encoder, run):
    """Of the first two records the one target makes no image, of the third and fourth the other one none."""
    targets = [StreamingTarget(dict.fromkeys(CAPTIONS[at : at + 2], "moderation")) for at in (0, 2)]
    audit = MembershipAudit(
        pairs(targets[0]), [AttackIIP(), PangWang(encoder, m=1)], also=findings(targets[1]), budget=BUDGET
    )
    result = run(audit)
    for data in (audit.data, audit.also):
        assert list(data.view.known.ids) == IDS[4:]
        assert data.view.refused.keys() == {*IDS[:4]}
    sizes = result.report.splits["sizes"]
    assert sum(count for classes in sizes.values() for count in classes.values()) == N - 4
    assert {len(ids) for ids in ids_by_row(result.scores).values()} == {N - 4}
    for role in ("target", "target (statistic)"):
        assert result.report.refused[role]["refused"] == {"member": 1, "non_member": 1}
        assert result.report.refused[role]["asked"] == {"member": N // 2, "non_member": N // 2}
    assert [len(target.asked) for target in targets] == [N, N]


def test_a_mistake_on_one_side_comes_before_the_other_one_is_asked(pairs, findings, ink):
    audit = MembershipAudit(pairs(), [AttackIIP(), Loss(t=2000)], also=findings())
    with pytest.raises(TargetError, match=r"needs \[2000\]"):
        audit.query()
    bare = MemorySource(IMAGES, MEMBERS)
    other = MembershipAudit(findings(source=bare), [Loss(), AttackIIP()], also=pairs(source=bare))
    with pytest.raises(RecordError, match=f"{N} of {N} records have no caption"):
        other.query()
    assert (ink.asked(), audit.also.target.nfe, other.data.target.nfe) == ([], 0, 0)
