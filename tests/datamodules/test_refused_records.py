"""Records that a target refuses to answer leave splits, arrays and loaders; the lock stays."""

import json
import logging
import warnings

import lightning as L
import numpy as np
import pytest
from small_records import QUARTERS, write_records
from streaming_target import StreamingTarget

from datamodules import AuxiliaryDataModule
from lit_mia.attacks import AttackIIP, AttackIP
from lit_mia.errors import RecordError, SplitError
from lit_mia.queries.generate import queries_for, read
from lit_mia.splits import SPLITS

SEED = 62  # at this one each quarter holds three records of each class or more
N = 28
LABELS = ["1", "0"] * (N // 2)
REFUSES = {"picture r05": "violence", "picture r06": "a person"}


@pytest.fixture
def data(tmp_path):
    """Makes a datamodule over one store; what a test gives takes the place of the defaults."""

    def make(target=None, source=None, **options):
        settings = {"store": str(tmp_path / "store"), "image_size": 8, "fractions": QUARTERS, "split_seed": SEED}
        source = source or write_records(tmp_path / "records", LABELS)
        return AuxiliaryDataModule(source, target or StreamingTarget(REFUSES), **(settings | options))

    return make


def _run(function, attack, data):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        return getattr(trainer, function)(attack, datamodule=data)


def _ids(data, split):
    return {data.view.known.ids[row] for row in data.view.splits.rows[split]}


def _locked_ids(tmp_path):
    return {split: {*ids} for split, ids in json.loads((tmp_path / "store/splits.json").read_text())["ids"].items()}


@pytest.mark.parametrize("images_per_record", [1, 2])
def test_refused_records_are_nowhere_but_in_the_lock(tmp_path, data, caplog, images_per_record):
    module = data(images_per_record=images_per_record)
    module.prepare_data()
    before = (tmp_path / "store/splits.json").read_bytes()
    module.prepare(frozenset({"image", "generated"}))
    gone = {"r05.png", "r06.png"}
    assert (tmp_path / "store/splits.json").read_bytes() == before
    assert {*module.view.known.ids} == {*module.view.labelled.ids} - gone
    assert {split: _ids(module, split) for split in SPLITS} == {
        split: ids - gone for split, ids in _locked_ids(tmp_path).items()
    }
    assert module.view.splits.digest == module.view.locked.digest
    assert module.view.splits.n_groups == N - 2
    sizes = module.view.splits.sizes()
    assert {label: sum(size[label] for size in sizes.values()) for label in sizes["test"]} == {
        "member": N // 2 - 1,
        "non_member": N // 2 - 1,
    }
    queries = queries_for(module.view.known, images_per_record, module.query_seed)
    assert np.array_equal(module.arrays.inputs["generated"], read(module.store, queries, module.view.known))
    assert module.arrays.member.tolist() == list(module.view.known.members)
    loaders = [module.train_dataloader(), *module.val_dataloader(), module.test_dataloader()]
    loaded = [row for loader in loaders for batch in loader for row in batch.row.tolist()]
    assert sorted(loaded) == list(range(N - 2))
    assert "The target stream refused 2 of 28 records, which are left out: 1 × violence (r05.png)" in caplog.text


def test_without_refusals_nothing_changes(data):
    module = data(StreamingTarget())
    splits, known = module.view.splits, module.view.known
    module.prepare(frozenset({"generated"}))
    assert module.view.known is known is module.view.labelled
    assert module.view.splits is splits
    assert splits == module.view.locked


def test_a_later_run_leaves_the_same_records_out_and_asks_nothing(data):
    first = data()
    _run("fit", AttackIIP(), first)
    target = StreamingTarget()
    again = data(target)
    assert again.estimate().missing == 0
    assert again.estimate().records == N
    _run("fit", AttackIIP(), again)
    assert target.asked == []
    assert again.view.known.ids == first.view.known.ids
    assert np.array_equal(again.arrays.inputs["generated"], first.arrays.inputs["generated"])
    assert again.hashes() == first.hashes()


def test_ranks_leave_the_same_records_out(data):
    modules = [data() for _ in range(2)]
    for rank, module in enumerate(modules):
        module.fill(module.view.labelled, rank, 2)
    for module in modules:
        module.prepare(frozenset({"generated"}))
    assert modules[0].view.known.ids == modules[1].view.known.ids
    assert len(modules[0].view.known) == N - 2
    assert sum(len(module.target.asked) for module in modules) == N


def test_records_that_another_target_refuses_are_left_out_too(data, tmp_path):
    module = data()
    other = module.answered_by(StreamingTarget({"picture r11": "no"}, ink=1), str(tmp_path / "other"))
    for side in (module, other):
        side.query()
    module.leave_out(other.refusals(other.view.labelled))
    other.leave_out(module.refusals(module.view.labelled))
    for side in (module, other):
        side.prepare(frozenset({"image"}))
    assert module.view.known.ids == other.view.known.ids
    assert len(module.view.known) == N - 3
    assert module.view.splits == other.view.splits
    assert np.array_equal(module.arrays.inputs["image"], other.arrays.inputs["image"])


def test_a_split_without_a_class_is_refused(data):
    module = data(StreamingTarget({f"picture r{number:02d}": "no" for number in range(0, N, 2)}))
    with pytest.raises(SplitError, match=r"After 14 of 28 records were refused: Each split needs .*0 members and 14"):
        module.prepare(frozenset({"image"}))


def test_a_drawn_share_of_the_training_records_holds_no_refused_one(tmp_path, data):
    source = write_records(tmp_path / "many", ["1", "0"] * 40)
    whole = data(StreamingTarget(), source, store=str(tmp_path / "whole"), train_fraction=0.8)
    drawn = {whole.view.known.ids[row] for row in whole.train_rows}
    refused = sorted(drawn)[:3]
    refuses = {f"picture {name.removesuffix('.png')}": "no" for name in refused}
    module = data(StreamingTarget(refuses), source, train_fraction=0.8)
    assert {module.view.known.ids[row] for row in module.train_rows} == drawn
    module.prepare(frozenset({"image"}))
    assert {module.view.known.ids[row] for row in module.train_rows} == drawn - {*refused}


def test_predict_leaves_refused_records_out(tmp_path, data):
    mixed = write_records(tmp_path / "mixed", [*LABELS, "", "", ""])
    module = data(StreamingTarget({"picture r29": "no"}), mixed)
    predictions = _run("predict", AttackIP(), module)
    assert [row for batch in predictions for row in batch["row"].tolist()] == [0, 1]
    assert module.table.ids == ("r28.png", "r30.png")


def test_nothing_to_predict_is_an_error(tmp_path, data):
    mixed = write_records(tmp_path / "mixed", [*LABELS, ""])
    module = data(StreamingTarget({"picture r28": "no"}), mixed)
    with pytest.raises(RecordError, match="refused all 1 records to predict"):
        module.prepare(frozenset({"image"}), "predict")
