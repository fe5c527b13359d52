"""Heads that learn on a shadow target and are tested on another one."""

import logging

import lightning as L
import numpy as np
import pytest
from small_records import QUARTERS, InkTarget, write_records, write_table

from datamodules import AuxiliaryDataModule, ShadowDataModule
from lit_mia.attacks import AttackIIP
from lit_mia.errors import RecordError, SplitError
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

    def side(prefix, ink, unknown=0, **options):
        rows = [(f"{prefix}{i:02d}.png", f"picture {prefix}{i}", "1", f"artist {prefix}{i}") for i in range(MEMBERS)]
        rows += [(f"n{i:02d}.png", f"picture n{i}", "0", f"artist n{i}") for i in range(OTHERS)]
        rows = [(*row[:2], "" if number < unknown else row[2], row[3]) for number, row in enumerate(rows)]
        settings = {"image_size": 8, "fractions": QUARTERS, "split_seed": SEED, "batch_size": 4} | options
        return AuxiliaryDataModule(
            write_table(folder / f"{prefix}-side.csv", rows),
            InkTarget(tmp_path / f"notes {prefix}", ink),
            str(tmp_path / f"store {prefix}"),
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
        SplitError, match=r"tested on the attacked target.*learned from on the shadow.*'n\d\d.*`split_seed`"
    ):
        trainer.fit(AttackIIP(), datamodule=ShadowDataModule(shadow, attacked))
    assert shadow.target.asked() == attacked.target.asked() == []


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
