"""Heads that learn on a shadow target and are tested on another one."""

import logging

import lightning as L
import numpy as np
import pytest
from small_records import QUARTERS, InkTarget, write_records, write_table

from datamodules import AuxiliaryDataModule, ShadowDataModule
from lit_mia.attacks import AttackIIP
from lit_mia.errors import RecordError, SplitError, TargetError
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.splits import LEARNED

SEED, OTHER_SEED = 0, 2  # at both each quarter of either side holds two records of each class or more
MEMBERS, OTHERS = 16, 16


@pytest.fixture
def sides(tmp_path):
    """Makes the two sides: members of their own, the same non-members, each with its target."""
    folder = tmp_path / "records"
    for prefix in "sa":
        write_records(folder, ["1"] * MEMBERS, prefix)
    write_records(folder, ["0"] * OTHERS, "n")

    def side(prefix, ink, unknown=0, store=None, **options):
        rows = [(f"{prefix}{i:02d}.png", f"picture {prefix}{i}", "1", f"artist {prefix}{i}") for i in range(MEMBERS)]
        rows += [(f"n{i:02d}.png", f"picture n{i}", "0", f"artist n{i}") for i in range(OTHERS)]
        rows = [(*row[:2], "" if number < unknown else row[2], row[3]) for number, row in enumerate(rows)]
        settings = {"image_size": 8, "fractions": QUARTERS, "split_seed": SEED, "batch_size": 4} | options
        return AuxiliaryDataModule(
            write_table(folder / f"{prefix}-side.csv", rows),
            InkTarget(tmp_path / f"notes {prefix}", ink),
            str(tmp_path / f"store {store or prefix}"),
            **settings,
        )

    return side


@pytest.fixture
def trainer():
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _rows(batches, side, start=0):
    """The side's rows in all batches, whose answers must be those of this side's target."""
    rows = []
    for batch in batches:
        at = [row - start for row in batch.row.tolist()]
        assert np.array_equal((batch["generated"] * 255).round().byte(), side.arrays.inputs["generated"][at])
        assert batch.member.tolist() == [side.table.members[row] for row in at]
        rows += at
    return tuple(sorted(rows))


def _split_of(side):
    splits = side.view.splits.rows
    return {side.view.known.ids[row]: split for split, rows in splits.items() for row in rows}


def test_heads_learn_on_the_shadow_and_are_tested_on_the_attacked(sides, trainer):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1)
    data = ShadowDataModule(shadow, attacked)
    trainer.fit(AttackIIP(), datamodule=data)
    val, calibration = data.val_dataloader()
    assert _rows(data.train_dataloader(), shadow) == shadow.view.splits.rows["train"]
    assert _rows(data.train_batches(), shadow) == shadow.view.splits.rows["train"]
    assert _rows(val, shadow) == shadow.view.splits.rows["val"]
    assert _rows(calibration, shadow) == shadow.view.splits.rows["calibration"]
    start = len(shadow.table)
    assert _rows(data.test_dataloader(), attacked, start) == attacked.view.splits.rows["test"]
    assert data.table.ids == shadow.table.ids + attacked.table.ids
    whole = list(data.batches())
    assert [row for batch in whole for row in batch.row.tolist()] == list(range(len(data.table)))
    assert [member for batch in whole for member in batch.member.tolist()] == list(data.table.members)
    assert not np.array_equal(shadow.arrays.inputs["generated"][-1], attacked.arrays.inputs["generated"][-1])


def test_each_target_is_asked_about_the_splits_that_are_looked_at_only(sides, trainer):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1)
    splits = [_split_of(side) for side in (shadow, attacked)]
    trainer.fit(AttackIIP(), datamodule=ShadowDataModule(shadow, attacked))
    for side, split, looked_at in ((shadow, splits[0], LEARNED), (attacked, splits[1], ("test",))):
        asked = [prompt for prompt, _ in side.target.asked()]
        wanted = [name for name, of in split.items() if of in looked_at]
        assert sorted(asked) == sorted(f"picture {name[0]}{int(name[1:3])}" for name in wanted)


def test_records_of_both_sides_stay_in_one_split(sides):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1)
    of_shadow, of_attacked = _split_of(shadow), _split_of(attacked)
    ShadowDataModule(shadow, attacked).prepare_data()
    common = of_shadow.keys() & of_attacked.keys()
    assert len(common) == OTHERS
    assert {name: of_shadow[name] for name in common} == {name: of_attacked[name] for name in common}


def test_sides_that_are_split_differently_are_refused_before_any_query(sides, trainer):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1, split_seed=OTHER_SEED)
    with pytest.raises(
        SplitError,
        match=r"tested on the attacked target.*learned from on the shadow.*'n\d\d.*`split_seed`.*leave these out",
    ):
        trainer.fit(AttackIIP(), datamodule=ShadowDataModule(shadow, attacked))
    assert shadow.target.asked() == attacked.target.asked() == []


def test_sides_that_heads_would_read_differently_are_refused(sides, tiny_clip_folder):
    with pytest.raises(RecordError, match="`image_size` must be the same on both sides, but is 16 of the shadow and 8"):
        ShadowDataModule(sides("s", ink=0, image_size=16), sides("a", ink=1))
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    with pytest.raises(RecordError, match=r"The encoder of the shadow is another.*Give both the same `encoder`"):
        ShadowDataModule(sides("s", ink=0), sides("a", ink=1, encoder=encoder)).prepare_data()


def test_the_attacked_target_is_no_shadow_of_itself(sides):
    shadow, attacked = sides("s", ink=0), sides("a", ink=0)
    attacked.target = shadow.target
    with pytest.raises(TargetError, match=r"The shadow '.*' is the attacked target itself"):
        ShadowDataModule(shadow, attacked).prepare_data()


def test_the_shadow_is_a_placebo_of_records_that_it_was_not_trained_on(sides):
    shadow = sides("s", ink=0)
    data = ShadowDataModule(shadow, sides("a", ink=1))
    data.prepare_data()
    placebo = data.answered_by(shadow.target, str(shadow.store_path / "placebo"))
    placebo.prepare_data()
    assert placebo.view.known.ids == data.view.known.ids
    assert placebo.view.splits == data.view.splits
    assert placebo.sides()["target"].target is shadow.target
    seen = ShadowDataModule(shadow, sides("s", ink=1, store="same members"))
    seen.prepare_data()
    with pytest.raises(TargetError, match=r"is the shadow, which was trained on \d+ of the tested records.*'s\d\d"):
        seen.answered_by(shadow.target, str(shadow.store_path / "placebo"))


def test_controls_learn_from_the_attacked_sides_own_records_too(sides):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1)
    split = _split_of(attacked)
    data = ShadowDataModule(shadow, attacked)
    data.prepare_data()
    data.prepare(frozenset({"image", "generated"}))
    (own,) = data.further_tables().values()
    own.prepare(frozenset({"image"}))
    n = len(data.view.known)
    assert [name.partition("/")[2] for name in own.view.known.ids[:n]] == list(data.view.known.ids)
    assert own.view.splits.rows["test"] == data.view.splits.rows["test"]
    for name in LEARNED:
        ids = {own.view.known.ids[row].partition("/")[2] for row in own.view.splits.rows[name]}
        assert ids == {record for record, of in split.items() if of == name}
    assert sum(len(batch.row) for batch in own.train_batches()) == len(own.train_rows)
    assert len(attacked.target.asked()) == len(data.view.splits.rows["test"])
    batch = next(own.train_batches())
    assert batch.member.tolist() == [own.view.known.members[row] for row in batch.row.tolist()]
    assert batch.inputs.keys() == {"image"}


def test_predict_asks_the_attacked_target_alone(sides, trainer):
    shadow, attacked = sides("s", ink=0), sides("a", ink=1, unknown=3)
    predictions = trainer.predict(AttackIIP(), datamodule=(data := ShadowDataModule(shadow, attacked)))
    assert [row for batch in predictions for row in batch["row"].tolist()] == [0, 1, 2]
    assert data.table.ids == ("a00.png", "a01.png", "a02.png")
    assert (len(shadow.target.asked()), len(attacked.target.asked())) == (0, 3)


def test_predict_without_unknown_records_says_what_to_do(sides, trainer):
    data = ShadowDataModule(sides("s", ink=0), sides("a", ink=1))
    with pytest.raises(RecordError, match="every record of the source is labelled"):
        trainer.predict(AttackIIP(), datamodule=data)
