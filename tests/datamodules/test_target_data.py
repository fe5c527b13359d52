"""The records that a target is trained on."""

from itertools import islice

import lightning as L
import numpy as np
import pytest
import torch
from memory_source import MemorySource
from PIL import Image

from datamodules import FolderSource, TargetDataModule
from datamodules.training import batches_of, by_coin, endless_rows, in_groups
from lit_mia.errors import RecordError
from lit_mia.shadow.training import flat
from lit_mia.splits import group_coin

SIDE = 8


class Training(L.LightningModule):
    """Stands for a training of a target: its parts are the mean of an image."""

    needs_captions = True
    image_size = SIDE
    batches_done = 0

    def __init__(self):
        super().__init__()
        self.asked = 0

    def encoded(self, batch):
        self.asked += len(batch.captions)
        return batch._replace(parts={"mean": batch.images.float().mean(dim=(1, 2, 3))})


class Attached:
    """As much of a trainer as the records need."""

    def __init__(self, model, world_size=1, global_rank=0):
        self.lightning_module, self.world_size, self.global_rank = model, world_size, global_rank
        self.strategy = self

    def broadcast(self, value):
        return value


@pytest.fixture
def images():
    return torch.randint(0, 256, (40, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make(images, tmp_path):
    def made(members=(-1,) * 40, captions="of", trainer=None, **options):
        texts = [f"image {n}" for n in range(40)] if captions == "of" else captions
        data = TargetDataModule(MemorySource(images, members, texts), 4, cache_dir=str(tmp_path / "decoded"), **options)
        data.trainer = trainer or Attached(Training())
        return data

    return made


def labels(share, seed=0):
    return [int(group_coin(f"members/{seed}", f"r{n:03d}") < share) for n in range(40)]


def test_a_coin_per_group_decides_where_the_source_does_not(make):
    data = make(member_share=0.5)
    assert list(data.records.members) == labels(0.5)
    assert 10 < sum(data.records.members) < 30
    told = data.membership()
    assert told["coin"] == {"share": 0.5, "seed": 0}
    assert told["members"] == [f"r{n:03d}" for n, member in enumerate(labels(0.5)) if member]
    assert sorted(told["members"] + told["held_out"]) == list(data.records.ids)
    assert list(make(member_share=0.5, member_seed=1).records.members) == labels(0.5, seed=1) != labels(0.5)


def test_everyone_is_trained_on_if_the_coin_always_says_so(make):
    assert len(make(member_share=1.0).members) == 40


def test_the_labels_of_the_source_are_taken_and_the_rest_is_left_out(make):
    data = make((1,) * 10 + (0,) * 20 + (-1,) * 10)
    assert list(data.members) == list(range(10))
    assert data.membership()["held_out"] == [f"r{n:03d}" for n in range(10, 30)]
    assert data.membership()["coin"] is None


def test_equal_images_share_a_coin(make, images):
    images[1::2] = images[::2]
    records = make(member_share=0.5).records
    assert records.members[::2] == records.members[1::2]
    assert 5 < sum(records.members[::2]) < 15


def test_equal_images_are_one_group_where_the_source_labels_them_too(make, images):
    images[1] = images[0]
    records = make((1,) * 20 + (0,) * 20).records
    assert records.groups[0] == records.groups[1] != records.groups[2]


def test_whoever_is_held_out_is_part_of_the_recipe(make, images):
    def told(members, **options):
        return flat(make(members, **options).recipe())

    def changed(other):
        return {name for name in before if before[name] != other[name]}

    half = (1,) * 20 + (0,) * 20
    before = told(half)
    assert changed(told(half)) == set()
    assert changed(told((*half[:-1], -1))) == {f"held_out.{name}" for name in ("records", "ids", "images", "captions")}
    assert changed(told(half, captions=[f"image {n % 39}" for n in range(40)])) == {"held_out.captions"}
    assert told((-1,) * 40, member_share=0.5)["coin.share"] == 0.5
    images[30] += 1
    assert changed(told(half)) == {"held_out.images"}


def test_stated_groups_share_a_coin_and_are_not_joined(images):
    records = MemorySource(images, (-1,) * 40).load()
    grouped = type(records)(
        **{**vars(records), "groups": tuple(f"g{n // 4}" for n in range(40)), "grouped": True},
    )
    drawn = by_coin(in_groups(grouped, [("r000", "r039")]), 0.5, "members/0")
    assert drawn.groups == grouped.groups
    assert [drawn.members[n] for n in range(40)] == [
        int(group_coin("members/0", f"g{n // 4}") < 0.5) for n in range(40)
    ]


@pytest.mark.parametrize(
    ("members", "options", "told"),
    [
        ((1,) * 40, {"member_share": 0.5}, "the source states who the members are"),
        ((-1,) * 40, {}, "None of the 40 records is a member"),
        ((0,) * 40, {}, "None of the 40 records is a member"),
        ((1,) * 40, {"captions": ["x", *[None] * 39]}, "39 of 40 records have no caption"),
    ],
)
def test_records_that_cannot_be_trained_on_are_refused(make, members, options, told):
    with pytest.raises(RecordError, match=told):
        _ = make(members, **options).records


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1])
def test_a_share_is_a_probability(make, share):
    with pytest.raises(RecordError, match="`member_share` must be in"):
        make(member_share=share)


def test_one_text_may_stand_for_missing_captions(make):
    data = make((1,) * 40, captions=["x", *[None] * 39], missing_caption="a thing")
    assert data.records.captions == ("x", *["a thing"] * 39)


def test_a_target_without_captions_needs_none(make):
    model = Training()
    model.needs_captions = False
    assert make((1,) * 40, captions=None, trainer=Attached(model)).records.captions == ("",) * 40


def test_records_are_encoded_once(make):
    data = make((1,) * 10 + (0,) * 30)
    batches = list(islice(data.train_dataloader(), 7))
    assert data.trainer.lightning_module.asked == 10
    for batch in batches:
        rows = [int(caption.split()[1]) for caption in batch.captions]
        assert len(batch.images) == 0
        expected = torch.from_numpy(data._images[rows]).float().mean(dim=(1, 2, 3))
        torch.testing.assert_close(batch.parts["mean"], expected)


def test_images_are_given_as_they_are_where_nothing_is_kept(make):
    data = make((1,) * 10 + (0,) * 30, encode_once=False)
    batch = next(iter(data.train_dataloader()))
    rows = [int(caption.split()[1]) for caption in batch.captions]
    assert torch.equal(batch.images, torch.from_numpy(data._images[rows]))
    assert (batch.parts, data.trainer.lightning_module.asked) == ({}, 0)


def test_the_order_goes_through_all_records_pass_after_pass():
    order = list(islice(endless_rows(10, seed=3), 30))
    assert [sorted(order[i : i + 10]) for i in (0, 10, 20)] == [list(range(10))] * 3
    assert order[:10] != order[10:20]
    assert order == list(islice(endless_rows(10, seed=3), 30)) != list(islice(endless_rows(10, seed=4), 30))
    assert list(islice(batches_of(iter(order), 4), 2)) == [order[:4], order[4:8]]


def test_processes_share_the_batches(make):
    torch.manual_seed(0)
    alone = make((1,) * 40)
    alone.batch_size = 8
    whole = next(iter(alone.train_dataloader())).captions
    parts = []
    for rank in (0, 1):
        torch.manual_seed(0)
        data = make((1,) * 40, trainer=Attached(Training(), world_size=2, global_rank=rank))
        parts.append(next(iter(data.train_dataloader())).captions)
    assert (parts[0], parts[1]) == (whole[::2], whole[1::2])


def test_both_sides_are_looked_at_on_a_fixed_sample(make):
    data = make((1,) * 15 + (0,) * 25)
    some = list(data.probe_batches(member=False, most=6))
    assert [len(part.ids) for part in some] == [4, 2]
    ids = [name for part in some for name in part.ids]
    assert len(set(ids)) == 6
    assert all(int(name[1:]) >= 15 for name in ids)
    assert ids == [name for part in make((1,) * 15 + (0,) * 25).probe_batches(False, 6) for name in part.ids]
    assert sum(len(part.ids) for part in data.probe_batches(member=True, most=99)) == 15
    assert some[0].batch.parts["mean"].shape == (4,)


@pytest.mark.parametrize(("encode_once", "asked"), [(True, 6), (False, 12)])
def test_records_that_are_looked_at_again_are_encoded_once(make, encode_once, asked):
    model = Training()
    data = make((1,) * 15 + (0,) * 25, trainer=Attached(model), encode_once=encode_once)
    first, again = (list(data.probe_batches(member=False, most=6)) for _ in range(2))
    assert model.asked == asked
    for one, other in zip(first, again, strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.batch.parts["mean"], other.batch.parts["mean"])


def test_passes_are_counted_in_records(make):
    model = Training()
    data = make((1,) * 16 + (0,) * 24, trainer=Attached(model, world_size=2))
    model.batches_done = 3
    assert data.passes() == 3 * 4 * 2 / 16


def test_photographs_of_any_size_become_squares(make, tmp_path):
    for number, (size, mode) in enumerate([((30, 20), "RGB"), ((20, 50), "L"), ((9, 9), "RGBA"), ((40, 40), "P")]):
        shape = size[::-1] if mode in "LP" else (*size[::-1], len(mode))
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(np.full(shape, 60, np.uint8), mode).save(tmp_path / f"photos/{number}.png")
    (tmp_path / "photos/broken.jpg").write_bytes(b"no image")
    data = TargetDataModule(
        FolderSource(str(tmp_path / "photos"), caption_ending=None),
        member_share=1.0,
        missing_caption="",
        cache_dir=str(tmp_path / "d"),
    )
    model = Training()
    data.trainer = Attached(model)
    model.needs_captions = False
    assert len(data.members) == 4
    assert data._images.shape == (4, 3, SIDE, SIDE)


def test_a_model_that_is_no_training_is_told_so(make):
    data = make((1,) * 40, trainer=Attached(torch.nn.Identity()))
    with pytest.raises(RecordError, match="TargetDataModule serves trainings of targets, not Identity"):
        _ = data.records
