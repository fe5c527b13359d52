"""A design read back: what is found wrong with a training folder, and what the source vouches for."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import load_dataset
from memory_source import MemorySource
from PIL import Image
from written_design import canaries, controls, group_of, name_of, noise_image, record, write_design

from datamodules import ConcatSource, DesignSource
from lit_mia.designs.canaries import Canaries
from lit_mia.designs.drawing import Settings, drawn, look_through
from lit_mia.designs.folder import write
from lit_mia.designs.manifest import Manifest
from lit_mia.errors import DesignError, RecordError

DRAWN = [record(number) for number in range(8)]
MANY = [*DRAWN, *canaries(8, 6, copies=1), *canaries(14, 6, copies=4), *controls(20, 5)]


@pytest.fixture
def folder(tmp_path):
    write_design(tmp_path / "design", DRAWN)
    return tmp_path / "design"


@pytest.fixture
def many(tmp_path):
    write_design(tmp_path / "many", MANY)
    return tmp_path / "many"


def place(folder, number=0):
    return folder / "train" / name_of(f"r{number:03d}")


def change_list(folder, change):
    file = folder / "train/metadata.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text("\n".join(json.dumps(row) for row in change(rows)), encoding="utf-8")


def sentences(source):
    return " ".join(source.design.sentences)


def test_the_coins_make_members(folder):
    source = DesignSource(str(folder))
    records = source.load()
    assert records.ids == tuple(f"r{number:03d}" for number in range(8))
    assert records.groups == tuple(group_of(facts) for facts in DRAWN)
    assert records.members == (1, 0) * 4
    assert records.captions[3] == "picture 3"
    assert records.grouped
    assert all(records.open_image(row).tobytes() == noise_image(row).tobytes() for row in range(8))
    assert source.design.kind == "randomized_split"
    assert source.design.copies == {}


def test_the_training_folder_may_have_moved(folder, tmp_path):
    shutil.move(folder / "train", tmp_path / "trainer")
    with pytest.raises(DesignError, match=r"no folder .*train"):
        DesignSource(str(folder)).load()
    records = DesignSource(str(folder), train_dir=str(tmp_path / "trainer")).load()
    assert records.open_image(0).tobytes() == noise_image(0).tobytes()


def test_what_was_trained_on_is_what_the_folder_holds(folder):
    """As diffusers' scripts load it."""
    files = {"train": str(folder / "train/**")}
    trained = load_dataset("imagefolder", data_files=files, cache_dir=str(folder.parent / "cache"))["train"]
    records = DesignSource(str(folder)).load()
    members = {records.captions[row]: row for row in range(8) if records.members[row] == 1}
    assert set(trained["text"]) == set(members)
    for row in trained:
        assert row["image"].tobytes() == records.open_image(members[row["text"]]).tobytes()


# ---------------------------------------------------------------------- the survival scan


def resized(folder):
    Image.open(place(folder)).resize((4, 4)).save(place(folder))


def redrawn(folder):
    noise_image(99).save(place(folder))


def broken(folder):
    place(folder).write_bytes(b"no image")


def renamed(folder):
    place(folder).rename(folder / "train/other.png")


def leaked(folder):
    shutil.copy(folder / "holdout" / name_of("r003"), folder / "train/x.png")


def leaked_over(folder):
    shutil.copy(folder / "holdout" / name_of("r003"), place(folder))


def linked(folder):
    (folder / "train/more").symlink_to(folder / "holdout")


def lost_outside(folder):
    (folder / "holdout" / name_of("r003")).unlink()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: place(folder).unlink(), f"1 dropped: {name_of('r000')}"),
        (resized, rf"1 changed or resized: {name_of('r000')} \(now 4 × 4 pixels\)"),
        (redrawn, rf"1 changed or resized: {name_of('r000')} \(now 8 × 8 pixels\)"),
        (broken, rf"1 changed or resized: {name_of('r000')} \(now not readable as an image\)"),
        (renamed, rf"1 dropped: {name_of('r000')}; 1 duplicated: other.png \(shows the same as {name_of('r000')}\)"),
        (lambda folder: shutil.copy(place(folder), folder / "train/b.png"), r"1 duplicated: b.png"),
        (lambda folder: noise_image(99).save(folder / "train/new.jpg"), r"1 added: new.jpg"),
        (lambda folder: (folder / "train/metadata.csv").write_text("file_name,text"), r"1 added: metadata.csv"),
        (leaked, r"1 held out, but there: x.png \(the record 'r003'\)"),
        (leaked_over, rf"1 changed or resized: {name_of('r000')} \(now the image of 'r003'\)"),
        (linked, r"more cannot be read \(Is a directory\)"),
        (lost_outside, f"holdout is not what the coins decided: 1 dropped: {name_of('r003')}"),
        (lambda folder: shutil.rmtree(folder / "holdout"), "no folder .*holdout"),
    ],
)
def test_other_files_than_were_written_are_named(folder, harm, message):
    harm(folder)
    with pytest.raises(DesignError, match=message):
        DesignSource(str(folder)).load()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "1 without a caption"),
        (lambda rows: [rows[0] | {"text": "another"}, *rows[1:]], "1 with another caption"),
        (lambda rows: [{"file_name": rows[0]["file_name"], "text": ["a"]}, *rows[1:]], "1 with another caption"),
        (lambda rows: [rows[0], *rows], "1 listed several times"),
        (
            lambda rows: [*rows, {"file_name": "../holdout/x.png", "text": "x"}],
            r"1 listed, but not of the design: \.\./holdout/x\.png",
        ),
        (lambda rows: [{"text": "x"}], r"metadata.jsonl is not there, or not as the design wrote it \(KeyError"),
        (lambda rows: [[]], r"metadata.jsonl is not there, or not as the design wrote it"),
    ],
)
def test_other_captions_than_were_written_are_named(folder, change, message):
    change_list(folder, change)
    with pytest.raises(DesignError, match=message):
        DesignSource(str(folder)).load()


def test_what_changes_nothing_is_no_mismatch(folder):
    Image.open(place(folder)).save(place(folder), compress_level=0)
    (folder / "train/.ipynb_checkpoints").mkdir()
    noise_image(1).save(folder / "train/.ipynb_checkpoints/a.png")
    change_list(folder, lambda rows: [row | {"file_name": f"./{row['file_name']}", "more": 1} for row in rows[::-1]])
    assert "the 4 files that the coins let in, with their captions, and no others" in sentences(
        DesignSource(str(folder))
    )


def test_dreambooth_has_no_captions_but_reads_hidden_files(tmp_path):
    write_design(tmp_path, DRAWN, layout="dreambooth")
    assert "the 4 files that the coins let in and no others" in sentences(DesignSource(str(tmp_path)))
    noise_image(1).save(tmp_path / "train/.a.png")
    with pytest.raises(DesignError, match=r"1 held out, but there: .a.png \(the record 'r001'\)"):
        DesignSource(str(tmp_path)).load()


# ---------------------------------------------------------------------- what is stated


def test_the_commitment_is_compared(folder):
    commitment = Manifest.read(folder).commitment
    told = sentences(DesignSource(str(folder), commitment=f" {commitment.upper()}\n"))
    assert f"The commitment {commitment} opens, and is the one that was published." in told
    assert "was not compared with a published one" in sentences(DesignSource(str(folder)))
    with pytest.raises(DesignError, match=f"has the commitment {commitment}, but 00ff was published"):
        DesignSource(str(folder), commitment="00ff").load()


def test_a_coin_that_was_changed_is_refused(folder):
    coin = folder / "secret/coin.json"
    coin.write_text(coin.read_text(encoding="utf-8").replace('"r000"', '"r00x"'), encoding="utf-8")
    with pytest.raises(DesignError, match=r"is not what .*design.json commits to"):
        DesignSource(str(folder)).load()


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("11/26/2026 - INFO - __main__ -   Num examples = 4", "used 4 examples (logged): every file once"),
        ("Num examples = 4\nNum examples = 4", "used 4 examples (logged): every file once"),
        ("Num examples = 12", "used 12 examples (logged): every file 3 times"),
        (
            "train.py --max_train_samples=4 --caption_column text --random_flip",
            "Options in the trainer's log: max_train_samples = 4, random_flip",
        ),
        ("", "How many examples the trainer used is neither stated nor logged"),
    ],
)
def test_the_trainers_log_is_quoted(folder, tmp_path, log, told):
    (tmp_path / "log.txt").write_text(log, encoding="utf-8")
    assert told in sentences(DesignSource(str(folder), log=str(tmp_path / "log.txt")))


@pytest.mark.parametrize(
    ("log", "examples", "message"),
    [
        ("Num examples = 3", None, r"used 3 examples \(logged\), but its folder holds 4 files"),
        ("", 6, r"used 6 examples \(stated\), but its folder holds 4 files"),
        ("", 0, r"used 0 examples"),
        ("train.py --max_train_samples 3.5.1", None, "max_train_samples 3.5` of 4 files"),
        ("Num examples = 4", 8, "`examples` is 8, but the log says 4"),
        ("Num examples = 4\nNum examples = 1,004", None, "runs on 4, 1004 examples"),
        ("accelerate launch train.py --max_train_samples 3", None, "max_train_samples 3` of 4 files"),
        ("train.py --caption_column=blip", None, "caption_column blip`, but the captions of the design are in `text`"),
    ],
)
def test_a_trainer_that_used_other_examples_is_refused(folder, tmp_path, log, examples, message):
    (tmp_path / "log.txt").write_text(log, encoding="utf-8")
    with pytest.raises(DesignError, match=message):
        DesignSource(str(folder), log=str(tmp_path / "log.txt"), examples=examples).load()


def test_what_is_not_stated_is_said_to_be_so(folder, tmp_path):
    told = sentences(DesignSource(str(folder)))
    assert "neither stated nor logged: that it used all 4 files alike is taken on trust" in told
    assert "Flips, crops and dropped captions are not stated" in told
    assert "Whether the trainer's tokenizer cuts captions was not checked" in told
    assert "used 4 examples (stated): every file once" in sentences(DesignSource(str(folder), examples=4))
    with pytest.raises(DesignError, match=r"log .*nowhere cannot be read"):
        DesignSource(str(folder), log=str(tmp_path / "nowhere")).load()


def test_captions_that_the_tokenizer_cuts_are_counted(folder, tmp_path, tiny_pipeline_folder):
    """The tiny pipeline reads 16 tokens: the letters, and one at each end."""
    write_design(tmp_path / "long", [*DRAWN, record(8, caption="a" * 14), record(9, caption="a" * 15)])
    told = sentences(DesignSource(str(tmp_path / "long"), tokenizer=str(tiny_pipeline_folder)))
    assert "Of 10 captions, the trainer's tokenizer cuts: tokenizer (16 tokens) 1." in told
    with pytest.raises(DesignError, match="No tokenizer can be loaded from"):
        DesignSource(str(folder), tokenizer=str(folder)).load()


def test_canaries_whose_random_words_are_cut_are_refused(tmp_path, tiny_pipeline_folder):
    long = [facts | {"key": "q" * 15} for facts in canaries(8, 4, copies=1)]
    write_design(tmp_path / "long", [*DRAWN, *long, *controls(12, 2)])
    write_design(tmp_path / "short", [*DRAWN, *canaries(8, 4, copies=1), *controls(12, 2)])
    with pytest.raises(DesignError, match=r"cuts the random words of 4 of 6 canaries \(tokenizer \(16 tokens\)\)"):
        DesignSource(str(tmp_path / "long"), part="canaries", tokenizer=str(tiny_pipeline_folder)).load()
    told = sentences(DesignSource(str(tmp_path / "short"), part="canaries", tokenizer=str(tiny_pipeline_folder)))
    assert "Of 6 captions, the trainer's tokenizer cuts: tokenizer (16 tokens) 0." in told


# ---------------------------------------------------------------------- parts


def test_canaries_and_records_are_read_apart(many):
    records, source = DesignSource(str(many)), DesignSource(str(many), part="canaries")
    assert len(records.load()) == 8
    table = source.load()
    assert (len(table), sum(table.members)) == (17, 6)
    assert source.design.kind == "canary"
    assert set(source.design.copies.values()) == {0, 1, 4}
    told = sentences(source)
    assert (
        "Canaries: 6 with copies = 1, 6 with copies = 4, each let in or kept out by its coin, and 5 never inserted"
        in told
    )
    assert "Copies void a one-record ε" in told
    one = DesignSource(str(many), part="canaries", copies=4).load()
    assert {name[0] for name in one.ids} == {"c", "k"}
    assert (len(one), sum(one.members)) == (11, 3)


def test_a_lost_copy_of_a_canary_is_found(many):
    (many / "train" / name_of("c014", copy=3)).unlink()
    with pytest.raises(DesignError, match=f"1 dropped: {name_of('c014', copy=3)}"):
        DesignSource(str(many)).load()


def test_parts_that_are_not_there_are_refused(folder, many):
    with pytest.raises(DesignError, match="holds no canaries"):
        DesignSource(str(folder), part="canaries").load()
    with pytest.raises(DesignError, match="holds no canaries of 16 copies, only of 1, 4"):
        DesignSource(str(many), part="canaries", copies=16).load()
    with pytest.raises(DesignError, match="`copies: 4` chooses among canaries"):
        DesignSource(str(many), copies=4)
    with pytest.raises(DesignError, match="no finished design"):
        DesignSource(str(folder / "nowhere")).load()


def test_two_designs_are_none(folder, many):
    both = ConcatSource([DesignSource(str(folder)), DesignSource(str(many))], ["a", "b"])
    assert both.design is None
    with pytest.raises(RecordError, match="occur in several sources"):
        ConcatSource([DesignSource(str(folder)), DesignSource(str(many))]).load()


def test_stamps_follow_the_content(folder, tmp_path):
    stamps = DesignSource(str(folder)).load().stamps
    shutil.copytree(folder, tmp_path / "copy")
    assert DesignSource(str(tmp_path / "copy")).load().stamps == stamps
    assert len({*stamps}) == 8
    assert not any(str(Path(tmp_path)) in stamp for stamp in stamps)


# ---------------------------------------------------------------------- as `lit-mia design` writes it


@pytest.mark.parametrize("layout", ["imagefolder", "dreambooth"])
def test_a_written_design_is_read_back(tmp_path, layout):
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (400, 3, 6, 6), dtype=np.uint8))
    seen = look_through(MemorySource(images, [0] * 400, [f"picture {row}" for row in range(400)]).load())
    kinds = ("token", "permuted", "synthetic") if layout == "imagefolder" else ("synthetic",)
    canaries_of = Canaries(kinds=kinds, copies=(1, 4), per_tier=2, never=100, budget=0.2)
    manifest = write(drawn(seen, Settings(0.5, layout, canaries_of), "a seed"), tmp_path / "design")
    folder, commitment = str(tmp_path / "design"), manifest.commitment
    records, source = DesignSource(folder, commitment), DesignSource(folder, commitment, part="canaries")
    ordinary = {entry.id: entry for entry in manifest.entries if entry.kind == "record"}
    table = records.load()
    assert dict(zip(table.ids, table.members, strict=True)) == {e.id: int(e.included) for e in ordinary.values()}
    assert dict(zip(table.ids, table.groups, strict=True)) == {e.id: e.group for e in ordinary.values()}
    assert all(
        np.array_equal(np.asarray(table.open_image(row)).transpose(2, 0, 1), images[int(name[1:])])
        for row, name in enumerate(table.ids[:20])
    )
    assert len(source.load()) == 100 + 2 * 2 * len(kinds)
    assert f"holds the {manifest.public()['files']} files" in sentences(records)
