"""Non-members drawn from members' captions: what is asked, what stays, and how an audit treats them."""

import numpy as np
import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from small_records import InkTarget, write_records

from datamodules import ConcatSource, GeneratedSource, IndexSource, StatisticDataModule
from lit_mia.attacks import ResidualHead
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import RecordError, StoreError
from lit_mia.features.pixels import decode_images
from lit_mia.queries.generate import queries_for
from lit_mia.splits import assign_splits
from lit_mia.targets.base import Answers

LABELS = ["1", "0", "1", "", "1", "1", "0", "1", "1", "1"]
MEMBERS = [f"r{row:02d}.png" for row, label in enumerate(LABELS) if label == "1"]


@pytest.fixture
def ink(tmp_path):
    return lambda name="notes", **options: InkTarget(tmp_path / name, **options)


@pytest.fixture
def make(tmp_path, ink):
    """Sources over one store; what a test gives takes the place of the defaults."""
    source = write_records(tmp_path / "records", LABELS)

    def build(**options):
        settings = {"source": source, "target": ink(), "store": str(tmp_path / "drawn")}
        return GeneratedSource(**(settings | options))

    return build


class ShyTarget(InkTarget):
    """Ink that refuses the first two captions."""

    def stream(self, prompts, seeds):
        shy = {row: "moderated" for row, prompt in enumerate(prompts) if prompt in ("picture r00", "picture r02")}
        rows = [row for row in range(len(prompts)) if row not in shy]
        yield Answers(rows, self.generate([prompts[row] for row in rows], [seeds[row] for row in rows]), shy)


def drawn(records):
    return records.select([row for row, member in enumerate(records.members) if member == 0])


def test_each_member_faces_what_was_drawn_from_its_caption(make):
    records = make().load()
    assert records.ids[:7] == tuple(MEMBERS)
    assert records.members == (1,) * 7 + (0,) * 7
    assert records.captions[7:] == records.captions[:7]
    assert records.groups[7:] == records.groups[:7]
    assert [name.split("~")[0] for name in records.ids[7:]] == MEMBERS


def test_an_image_is_the_targets_answer_to_the_caption(make, tiny_target):
    source = make(target=tiny_target, seed=3)
    records = source.load()
    members = records.select(range(7))
    query = queries_for(members, 1, 3)[4]
    expected = tiny_target.generate([query.prompt], [query.seed])[0].permute(1, 2, 0)
    shown = np.asarray(records.open_image(11))
    assert shown.shape == (16, 16, 3)
    assert np.abs(shown.astype(int) - expected.numpy().astype(int)).max() <= 1


def test_both_sides_fall_into_one_split(make):
    records = make(images_per_record=3).load()
    assert len(records) == 7 + 21
    assert len(set(records.ids)) == len(records)
    for rows in assign_splits(records, seed=2).rows.values():
        members = {records.ids[row] for row in rows if records.members[row] == 1}
        assert {records.ids[row].split("~")[0] for row in rows if records.members[row] == 0} == members


def test_nothing_is_asked_twice_and_an_interruption_is_resumed(make, ink):
    with pytest.raises(RuntimeError, match="out of ink"):
        make(target=ink(breaks_after=1)).load()
    assert len(ink().asked()) == 4
    source = make()
    first = source.load()
    again = make().load()
    assert len(ink().asked()) == len(set(ink().asked())) == 7
    assert source.costs()["non-members by ink"].queries == 3
    assert (first.ids, first.stamps) == (again.ids, again.stamps)
    assert all(np.array_equal(first.open_image(row), again.open_image(row)) for row in range(14))


def test_another_model_or_seed_makes_other_records(make, ink, tmp_path):
    first = drawn(make().load())
    other = drawn(make(target=ink("other", ink=1), store=str(tmp_path / "elsewhere")).load())
    reseeded = drawn(make(seed=1).load())
    assert set(first.ids).isdisjoint(other.ids)
    assert set(first.ids).isdisjoint(reseeded.ids)
    assert len({*first.stamps, *other.stamps, *reseeded.stamps}) == 3 * 7
    shown = [decode_images(records, 8, tmp_path / "decoded").images for records in (first, other, reseeded)]
    assert not np.array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[0], shown[2])
    with pytest.raises(StoreError, match="weights: store 0, target 1"):
        make(target=ink("other", ink=1)).load()


def test_a_share_of_the_members(make, ink):
    kept = make(fraction=0.5).load()
    assert 2 < len(kept) < 14
    assert drawn(kept).groups == kept.groups[: len(kept) // 2]
    assert len(ink().asked()) == len(kept) // 2


def test_non_members_of_the_source_stay_if_told(make):
    records = make(keep_non_members=True).load()
    assert len(records) == 9 + 7
    assert [records.members[records.ids.index(name)] for name in ("r01.png", "r06.png")] == [0, 0]
    assert "r03.png" not in records.ids


def test_what_the_records_would_cost_is_said_without_asking(make, ink):
    estimate = make(images_per_record=2).estimates()["non-members by ink"]
    assert (estimate.records, estimate.missing, estimate.nfe) == (7, 14, 42)
    assert ink().asked() == []
    make(images_per_record=2).load()
    assert make(images_per_record=2).estimates() == {}


def test_a_source_that_reads_it_is_shifted_too(make, tmp_path):
    generated, real = make(), write_records(tmp_path / "more", ["0"], "m")
    for whole in (ConcatSource([real, generated]), IndexSource(generated, "0", path="unread.npz")):
        assert whole.shift == generated.shift
        assert whole.estimates() == generated.estimates()
        assert whole.costs() == generated.costs()
    assert ConcatSource([real]).shift is None


def test_what_the_model_refuses_is_left_out_and_counted(make, ink, tmp_path):
    source = make(target=ShyTarget(tmp_path / "notes"))
    assert "refused" not in source.shift
    records = source.load()
    assert len(records) == 7 + 5
    assert [name.split("~")[0] for name in drawn(records).ids] == MEMBERS[2:]
    assert records.ids[:2] == tuple(MEMBERS[:2])  # the members themselves stay
    assert "refused 2 of 7 images" in source.shift
    assert make(target=ShyTarget(tmp_path / "notes")).estimates() == {}
    assert decode_images(records, 8, tmp_path / "decoded").unread == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [({"fraction": 0.0}, "must be in"), ({"images_per_record": 0}, "must be at least 1")],
)
def test_settings_out_of_range(make, options, message):
    with pytest.raises(RecordError, match=message):
        make(**options).load()


def test_no_members_and_no_captions_are_refused(make, ink, tmp_path):
    with pytest.raises(RecordError, match="its source has none"):
        make(source=write_records(tmp_path / "outside", ["0", "0"])).load()
    with pytest.raises(RecordError, match="have no caption"):
        make(source=MemorySource(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), [1, 1])).load()
    assert ink().asked() == []


# ---------------------------------------------------------------------- in an audit


@pytest.fixture
def audit(tmp_path, ink):
    """An audit of a target that memorised `seen`; the members are `images`, the non-members ink."""

    def build(images, seen, design="post_hoc"):
        members = MemorySource(images, [1] * len(images), [f"picture {row}" for row in range(len(images))])
        source = GeneratedSource(members, ink(), str(tmp_path / "drawn"))
        data = StatisticDataModule(source, OptimalTarget(seen), str(tmp_path / "store"), 8, batch_size=16)
        budget = Budget(seeds=1, max_epochs=8, patience=8, accelerator="cpu")
        return MembershipAudit(data, [Loss(t=100)], budget=budget, design=design, head=ResidualHead(width=4, lr=0.01))

    return build


def rows_of(report):
    return {row.name: row for row in report.rows}


def test_the_blind_control_sees_that_non_members_are_synthetic(audit, tmp_path, ink):
    images = smooth_images(100, 0)
    report = audit(images, seen=images).run(Run("synthetic", {}, tmp_path / "out")).report
    rows = rows_of(report)
    assert rows["Loss"]["auc"] > 0.95
    assert rows["Loss blind"]["auc"] > 0.95
    assert report.verdict["kind"] in ("not evidence (post hoc design)", "confounded")
    assert any("synthetic" in limit for limit in report.limits)
    assert report.cost.by_target["non-members by ink"]["queries"] == 100
    assert report.cost.queries == 100 + report.cost.by_target["target"]["queries"]
    assert len(ink().asked()) == 100


def test_the_blind_control_sees_nothing_where_members_are_drawn_alike(audit, tmp_path, ink):
    images = ink("members").generate([f"member {row}" for row in range(100)], range(100))
    report = audit(images, seen=smooth_images(60, 7)).run(Run("alike", {}, tmp_path / "out")).report
    assert abs(rows_of(report)["Loss blind"]["auc"] - 0.5) < 0.25


@pytest.mark.parametrize("design", ["same_source_holdout", "randomized_split", "canary"])
def test_a_design_that_promises_more_is_refused(audit, design, ink):
    images = smooth_images(4, 0)
    with pytest.raises(RecordError, match=r"allow only `design: post_hoc`.*synthetic"):
        audit(images, seen=images, design=design)
    assert ink().asked() == []


def test_a_dry_run_asks_neither_model(audit, ink):
    images = smooth_images(40, 0)
    ready = audit(images, seen=images)
    assert ready.estimate()["non-members by ink"].missing == 40
    assert ink().asked() == []
    ready.query()
    assert set(ready.estimate()) == {"target"}
    assert ready.data.target.nfe == 80
