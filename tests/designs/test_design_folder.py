"""A design as a folder: exact, the same for the same seed, gone on with where it was left, never overwritten."""

import hashlib
import json
import resource
from contextlib import contextmanager
from dataclasses import replace

import pytest
from designed import PLAIN, contents, plan_of, scene, table, write_design
from filelock import FileLock
from PIL import Image

from lit_mia.designs import Begun, Canaries, Manifest, Settings, drawn, look_through, write
from lit_mia.errors import DesignError

CANARIES = Settings(0.5, "imagefolder", Canaries(copies=(1, 3), per_tier=4, budget=0.5))


@contextmanager
def files_up_to(size):
    """A limit of the system, as a full disk would be one."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def pixels(path):
    with Image.open(path) as image:
        return hashlib.sha256(f"{image.width}x{image.height}".encode() + image.tobytes()).hexdigest()


def test_each_entry_is_where_its_coin_says_and_nowhere_else(tmp_path):
    manifest = write_design(tmp_path, 200, settings=CANARIES)
    found = {"train": [], "holdout": []}
    for entry in manifest.entries:
        side = "train" if entry.included else "holdout"
        assert len(entry.files) == (entry.copies if entry.included else 1)
        for file in entry.files:
            path = tmp_path / file.path
            assert path.parent == tmp_path / side
            assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
            assert pixels(path) == entry.pixels
            found[side].append(path.name)
    for side, names in found.items():
        assert sorted(path.name for path in (tmp_path / side).rglob("*")) == sorted([*names, "metadata.jsonl"])
    assert set(found["train"]) & set(found["holdout"]) == set()
    reachable = {pixels(path) for path in (tmp_path / "train").rglob("*.png")}
    assert reachable & {entry.pixels for entry in manifest.entries if not entry.included} == set()
    assert {path.name for path in tmp_path.iterdir()} == {"train", "holdout", "secret", "design.json"}
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["coin.json"]
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0


def test_captions_stand_beside_the_images_sorted_by_name(tmp_path):
    manifest = write_design(tmp_path, 200, settings=CANARIES)
    caption_of = {file.path: entry.caption for entry in manifest.entries for file in entry.files}
    for side in ("train", "holdout"):
        rows = [json.loads(line) for line in (tmp_path / side / "metadata.jsonl").read_text("utf-8").splitlines()]
        assert [row["file_name"] for row in rows] == sorted(row["file_name"] for row in rows)
        assert {f"{side}/{row['file_name']}": row["text"] for row in rows} == {
            path: caption for path, caption in caption_of.items() if path.startswith(side)
        }


def test_files_carry_pixels_and_nothing_else(tmp_path):
    images = [scene(seed).convert("RGBA") for seed in range(50)]
    for image in images:
        image.putpixel((0, 0), (0, 0, 0, 0))
        image.info["comment"] = "taken by Ana Petrov"
        image.getexif()[0x010E] = "taken by Ana Petrov"
    write(drawn(look_through(table(images)), PLAIN, "s"), tmp_path)
    times = set()
    for path in [*tmp_path.glob("train/*"), *tmp_path.glob("holdout/*")]:
        times.add(path.stat().st_mtime_ns)
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (48, 48), {})
                assert not image.getexif()
                assert image.getpixel((0, 0)) == (255, 255, 255)
    assert len(times) == 1


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(tmp_path):
    for name, seed in (("a", "s"), ("b", "s"), ("c", "t")):
        write_design(tmp_path / name, 200, seed=seed, settings=CANARIES)
    a, b, c = (contents(tmp_path / name) for name in "abc")
    public = {"secret/coin.json", "design.json"}
    assert {path: content for path, (content, _) in a.items()} == {path: content for path, (content, _) in b.items()}
    assert {path: a[path] for path in a.keys() - public} == {path: b[path] for path in b.keys() - public}
    shared = {"train/metadata.jsonl", "holdout/metadata.jsonl", *public}
    assert a.keys() & c.keys() == shared
    assert {content for content, _ in (a[path] for path in shared)} & {c[path][0] for path in shared} == set()


def test_an_interrupted_design_goes_on_with_the_same_coins(tmp_path):
    plan = plan_of(60)
    opened = []

    def open_image(row):
        if len(opened) == 25:
            raise KeyboardInterrupt
        opened.append(row)
        return scene(row)

    broken = replace(plan, seen=replace(plan.seen, records=replace(plan.seen.records, open_image=open_image)))
    with pytest.raises(KeyboardInterrupt):
        write(broken, tmp_path / "a")
    assert Begun.read(tmp_path / "a").seed == "s"
    written = sorted(tmp_path.glob("a/*/*.png"))
    assert len(written) == 25
    with pytest.raises(DesignError, match="there is no finished design"):
        Manifest.read(tmp_path / "a")
    (tmp_path / "a/train/.0123-x.png.tmp").write_bytes(b"half")
    written[0].write_bytes(b"")  # as a loss of power may leave it
    inodes = [path.stat().st_ino for path in written[1:]]
    begun = Begun.read(tmp_path / "a")
    begun.check(tmp_path / "a", plan)
    write(plan, tmp_path / "a")
    write(plan, tmp_path / "b")
    assert [path.stat().st_ino for path in written[1:]] == inodes, "what was written is not written again"
    a, b = ({path: content for path, (content, _) in contents(tmp_path / name).items()} for name in "ab")
    assert a == b


def test_a_full_disk_is_an_error_after_which_the_command_goes_on(tmp_path):
    sizes = [len(content) for content, _ in contents_of_new(tmp_path / "whole").values()]
    with (
        files_up_to(sorted(sizes)[10]),
        pytest.raises(DesignError, match=r"cannot be written whole \(File too large\).*run the same command again"),
    ):
        write_design(tmp_path / "a", 60)
    assert Begun.read(tmp_path / "a") == Begun("s", Begun.read(tmp_path / "a").digest)
    assert list(tmp_path.glob("a/**/*.tmp")) == []
    write_design(tmp_path / "a", 60)
    assert {p: c for p, (c, _) in contents(tmp_path / "a").items()} == {
        p: c for p, (c, _) in contents(tmp_path / "whole").items()
    }


def contents_of_new(folder):
    write_design(folder, 60)
    return contents(folder)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DesignError, match="is there already and is no design"):
        Begun.read(tmp_path)
    with pytest.raises(DesignError, match="is there already and is no design"):
        Begun.read(tmp_path / "thesis.txt")
    assert Begun.read(tmp_path / "new") == Begun()


def test_a_process_that_was_killed_at_its_first_file_is_no_obstacle(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/.0123-draft.json.tmp").write_bytes(b"{")
    assert Begun.read(tmp_path) == Begun()
    write_design(tmp_path, 60)
    assert [path.name for path in (tmp_path / "secret").iterdir()] == ["coin.json"]


def test_two_processes_never_write_at_once(tmp_path):
    (tmp_path / "secret").mkdir()
    with FileLock(tmp_path / "secret/lock"), pytest.raises(DesignError, match="Another process is writing"):
        write_design(tmp_path, 60)
    assert Begun.read(tmp_path) == Begun()
    write_design(tmp_path, 60)
    with pytest.raises(DesignError, match="of other records, settings or seed"):
        write_design(tmp_path, 60, seed="t")


def test_a_design_is_never_drawn_anew(tmp_path):
    write_design(tmp_path, 60)
    begun = Begun.read(tmp_path)
    assert begun.finished
    begun.check(tmp_path, plan_of(60))
    others = [plan_of(60, seed="t"), plan_of(59), plan_of(60, settings=replace(PLAIN, include=0.6))]
    for other in others:
        with pytest.raises(DesignError, match="holds a design of other records, settings or seed"):
            begun.check(tmp_path, other)


def test_foreign_files_do_not_get_into_the_training_set(tmp_path):
    write_design(tmp_path, 60)
    draft = {"seed": "s", "digest": Begun.read(tmp_path).digest}
    (tmp_path / "secret/draft.json").write_text(json.dumps(draft), encoding="utf-8")
    (tmp_path / "train/mine.png").write_bytes(b"x")
    with pytest.raises(DesignError, match=r"train/mine\.png is not of this design"):
        write_design(tmp_path, 60)
    (tmp_path / "secret/draft.json").write_text("{", encoding="utf-8")
    with pytest.raises(DesignError, match=r"draft\.json cannot be read .*begin anew"):
        Begun.read(tmp_path)


def test_an_image_that_changes_meanwhile_is_an_error(tmp_path):
    plan = plan_of(60)
    changed = replace(plan.seen.records, open_image=lambda row: scene(row + 1))
    with pytest.raises(DesignError, match="was changed while the design was made"):
        write(replace(plan, seen=replace(plan.seen, records=changed)), tmp_path)
