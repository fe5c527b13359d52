"""Records of this process under a name: what the name depends on, and what is noticed when images change."""

import copy
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from small_records import InkTarget
from torch.utils.data import Dataset

from datamodules import AuxiliaryDataModule, MemorySource, records_from, sides_from
from lit_mia.configured import given_to
from lit_mia.errors import RecordError
from lit_mia.features.pixels import decode_images


def pictures(count=3, size=4):
    return [np.random.default_rng(row).integers(0, 256, (size, size, 3), dtype=np.uint8) for row in range(count)]


class Drawn(Dataset):
    """Images that are drawn when they are read; from some row on, or of some read on, others each time."""

    def __init__(self, steady_rows=12, steady_reads=10**9):
        self.steady_rows, self.steady_reads, self.reads = steady_rows, steady_reads, 0

    def __len__(self):
        return 12

    def __getitem__(self, row):
        self.reads += 1
        changes = row >= self.steady_rows or self.reads > self.steady_reads
        generator = torch.Generator().manual_seed(self.reads + 1000 if changes else row)
        return torch.rand(3, 4, 4, generator=generator), f"picture {row}"


def test_the_same_content_again_has_the_same_name():
    settings = {"captions": list("abc"), "member": [1, 0, None]}
    first, again = records_from(pictures(), **settings), records_from(pictures(), **settings)
    assert first.name == again.name
    assert first.load().stamps == again.load().stamps
    assert first.load().images_digest() == again.load().images_digest()
    rows = [{"image": image, "id": row, "group": row} for row, image in enumerate(pictures())]
    others = [
        records_from(pictures(), captions=list("abd"), member=[1, 0, None]),
        records_from(pictures(), captions=list("abc"), member=[1, 0, 0]),
        records_from(pictures()[::-1], captions=list("cba"), member=[None, 0, 1]),
        records_from([*pictures()[:2], pictures()[2] ^ 1], **settings),
        records_from(rows),
        records_from(rows, columns={"id": None}),
        records_from(rows, columns={"group": None}),
    ]
    assert len({source.name for source in (first, *others)}) == 8
    assert {*others[2].load().ids} == {*first.load().ids}


def test_the_name_in_a_config_makes_the_source_again():
    source = records_from(pictures())
    assert given_to(source) == {"name": source.name}
    for again in (MemorySource(**given_to(source)), pickle.loads(pickle.dumps(source)), copy.deepcopy(source)):
        assert again.load() is source.load()
    name, kept = source.name, again
    records_from(pictures())
    del source, again
    assert MemorySource(name).load() is kept.load()
    del kept
    with pytest.raises(
        RecordError, match=r"is a table of records that was in the memory of another process, or is the"
    ):
        MemorySource(name)


def test_nothing_is_asked_twice_about_the_same_content(tmp_path):
    target = InkTarget(tmp_path / "notes")
    for _ in range(2):
        sides = sides_from(records_from(pictures(12), captions=["one"] * 12), [(b, "two") for b in pictures(24)[12:]])
        AuxiliaryDataModule(sides, target, str(tmp_path / "store"), image_size=4).query()
    assert len(target.asked()) == 24


def test_equal_images_are_one_group_and_numbered(tmp_path):
    one = Image.fromarray(pictures()[0])  # one object in several rows, which threads open at once
    records = records_from([(one, f"caption {row}") for row in range(64)]).load()
    assert records.ids[:2] == (records.ids[0], f"{records.ids[0]}#2")
    assert {*records.groups} == {records.ids[0]}
    assert np.ptp(decode_images(records, 4, tmp_path).images, axis=0).max() == 0


def test_images_are_turned_and_laid_on_white_like_files(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)).save(tmp_path / "a.png", exif=exif)
    opened = Image.open(tmp_path / "a.png")
    opened.load()
    clear = np.zeros((3, 3, 4), np.uint8)
    (turned, white) = map(records_from([opened, clear]).load().open_image, range(2))
    assert turned.size == (2, 4)
    assert turned.tobytes() == records_from([tmp_path / "a.png"]).load().open_image(0).tobytes()
    assert white.getpixel((1, 1)) == (255, 255, 255)


def test_images_that_cannot_be_decoded_fail_alone(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"x")
    closed = Image.fromarray(pictures()[0])
    closed.close()
    records = records_from([pictures()[1], tmp_path / "broken.png", b"y", None, tmp_path / "absent.png", closed]).load()
    decoded = decode_images(records, 4, tmp_path / "decoded")
    assert [*decoded.unread] == [1, 2, 3, 4, 5]
    assert records.ids[1:] == (
        str(tmp_path / "broken.png"),
        records.stamps[2][:16],
        "row 3",
        str(tmp_path / "absent.png"),
        "row 5",
    )
    assert len({*records.groups}) == 6


def test_an_image_that_was_changed_afterwards_is_refused(tmp_path):
    image, given = Image.new("RGB", (4, 4), "red"), pictures()
    image.save(tmp_path / "a.png")
    records = records_from([*given, image, tmp_path / "a.png"]).load()
    for row, change in (
        (1, lambda: np.copyto(given[1], 0)),
        (3, lambda: image.putpixel((0, 0), (0, 0, 0))),
        (4, lambda: Image.new("RGB", (4, 4), "blue").save(tmp_path / "a.png")),
    ):
        assert records.open_image(row).size == (4, 4)
        change()
        with pytest.raises(RecordError, match=f"What row {row} of the list holds is not what it held"):
            records.open_image(row)
    with pytest.raises(RecordError, match="is not what it held"):
        decode_images(records, 4, tmp_path / "decoded")
    assert not [*(tmp_path / "decoded").glob("*.npy")]


def test_a_data_set_is_read_again_and_must_stay_as_it_is(tmp_path):
    records = records_from(Drawn()).load()
    assert records.captions[11] == "picture 11"
    assert not decode_images(records, 4, tmp_path / "steady").unread
    with pytest.raises(RecordError, match=r"What row 2 of the Dataset holds .* as under a random transform"):
        records_from(Drawn(steady_rows=2))
    late = records_from(Drawn(steady_rows=10)).load()
    with pytest.raises(RecordError, match="as under a random transform"):
        decode_images(late, 4, tmp_path / "late")
    with pytest.raises(RecordError, match="as under a random transform"):
        decode_images(records_from(Drawn(steady_reads=21)).load(), 4, tmp_path / "aged")


def test_captions_that_are_drawn_are_refused():
    class Captioned(Drawn):
        def __getitem__(self, row):
            return super().__getitem__(row)[0], f"caption {self.reads}"

    with pytest.raises(RecordError, match="What row 0 of the Dataset holds is not what it held"):
        records_from(Captioned())
