"""A whole audit of a target that refuses some captions."""

import hashlib

import pytest
from small_records import QUARTERS, write_records
from streaming_target import StreamingTarget

from datamodules import AuxiliaryDataModule
from lit_mia.attacks import AttackIP
from lit_mia.attacks.budgets import Budget
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import SplitError
from lit_mia.features.open_clip_encoder import OpenClipEncoder

N = 80
LABELS = ["1", "0"] * (N // 2)


def prompts(rows):
    return {f"picture r{row:02d}": "moderation" for row in rows}


@pytest.fixture
def audit(tmp_path, tiny_clip_folder):
    """Makes an audit over one pair of stores."""

    def make(target, placebo=None, **options):
        source = write_records(tmp_path / "records", LABELS)
        encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
        data = AuxiliaryDataModule(
            source, target, str(tmp_path / "store"), encoder, image_size=8, fractions=QUARTERS, split_seed=1
        )
        budget = Budget(seeds=1, max_epochs=1, accelerator="cpu")
        return MembershipAudit(data, [AttackIP()], placebo, budget=budget, **options)

    return make


@pytest.fixture
def run(tmp_path):
    return lambda audit: audit.run(Run("refusals", {}, tmp_path / "runs"))


def hashed(rows):
    return {hashlib.sha256(f"r{row:02d}.png".encode()).hexdigest() for row in rows}


def test_what_target_or_placebo_refuse_is_scored_on_neither_side(audit, run, tmp_path):
    refused = {"target": range(0, 24, 2), "placebo": [0, 30, 31]}
    target = StreamingTarget(prompts(refused["target"]))
    placebo = StreamingTarget(prompts(refused["placebo"]), ink=1)
    made = audit(target, placebo)
    result = run(made)
    report, scores = result.report, result.scores
    left = hashed(range(N)) - hashed(refused["target"]) - hashed(refused["placebo"])
    kinds = ("blind", "caption", "joint", "n-grams", "metadata", "placebo")
    assert {row.name for row in report.rows} == {"I-P", *(f"I-P {kind}" for kind in kinds)} == set(scores.row)
    for row in report.rows:
        assert {*scores.id_hash[scores.row == row.name]} == left
    assert len(target.asked) == len(placebo.asked) == N  # each once
    assert sum(sum(size.values()) for size in report.splits["sizes"].values()) == N - 14
    assert report.refused["target"]["reasons"] == {"member": {"moderation": 12}, "non_member": {}}
    assert report.refused["placebo"]["refused"] == {"member": 2, "non_member": 1}
    assert report.refused["placebo"]["asked"] == {"member": N // 2, "non_member": N // 2}
    (warning,) = [limit for limit in report.limits if "refuses" in limit]
    assert warning.startswith("The target refuses members more often: 12 of 40 members, 0 of 40 non-members")
    assert {role: (paid["confirmed"], paid["uncertain"]) for role, paid in report.cost.charges.items()} == {
        "target": (N, 0),
        "placebo": (N, 0),
    }
    assert report.cost.charges["target"]["confirmed_money"] == report.cost.by_target["target"]["money"] == N / 2

    again = audit(idle := StreamingTarget(), other := StreamingTarget(ink=1))
    repeated = run(again).report
    assert idle.asked == other.asked == []
    assert repeated.refused == report.refused
    assert repeated.cost.charges == report.cost.charges
    assert repeated.cost.money == 0
    assert (repeated.store_digest, repeated.rows) == (report.store_digest, report.rows)

    shown = audit(StreamingTarget(), StreamingTarget(ink=1)).pictures(result)  # as `lit-mia report --gallery` does
    assert shown
    assert not {item.caption for item in shown} & {*target.refuses, *placebo.refuses}


def test_equal_refusal_is_counted_and_not_warned_of(audit, run):
    report = run(audit(StreamingTarget(prompts(range(10)), longest=5))).report
    assert report.refused["target"]["refused"] == {"member": 5, "non_member": 5}
    assert report.refused["target"]["p_unequal"] == 1
    assert not [limit for limit in report.limits if "refuses" in limit]
    assert f"In this run the target cut {N} captions that are too long for it." in report.limits


def test_a_target_that_refuses_nothing_leaves_no_trace(audit, run):
    result = run(audit(StreamingTarget()))
    assert result.report.refused == {}
    assert len({*result.scores.id_hash}) == N


def test_an_interrupted_audit_asks_only_the_rest(audit, run):
    refuses = prompts(range(10))
    broken, rest = StreamingTarget(refuses, breaks_after=50), StreamingTarget(refuses)
    with pytest.raises(RuntimeError, match="the line is dead"):
        run(audit(broken))
    report = run(audit(rest)).report
    assert len(broken.asked) + len(rest.asked) == len({*broken.asked, *rest.asked}) == N
    assert (report.cost.charges["target"]["confirmed"], report.cost.charges["target"]["uncertain"]) == (N, 1)


def test_too_many_refusals_end_with_their_count(audit, run):
    with pytest.raises(SplitError, match="After 40 of 80 records were refused: Each split needs at least 2 members"):
        run(audit(StreamingTarget(prompts(range(0, N, 2)))))
