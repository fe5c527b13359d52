"""Pairs by querying a target: what is asked, what is stored, and what the heads get."""

import logging
import warnings

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from small_records import ALL, LABELS, SEED, N, write_records, write_table

from datamodules.pairs import Loading
from lit_mia.attacks import AttackIIP, AttackIIS, AttackIP, AttackIV, BlindPixels
from lit_mia.errors import RecordError, SplitError, StoreError
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.features.pixels import resize
from lit_mia.queries.generate import queries_for, read
from lit_mia.queries.store import Store


def _trainer(**options):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return L.Trainer(
        **({"accelerator": "cpu", "max_epochs": 1} | options),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def _fit(attack, data, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        _trainer(**options).fit(attack, datamodule=data)


def _queries(data):
    return queries_for(data.view.known, data.images_per_record, data.query_seed)


# ---------------------------------------------------------------------- what the heads get


def test_arrays_hold_what_was_read_stored_and_embedded(tmp_path, data, tiny_target, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    module = data(target=tiny_target, encoder=encoder, image_size=16, images_per_record=2)
    module.prepare_data()
    module.prepare(ALL)
    arrays, members = module.arrays.inputs, module.arrays.member
    assert members.tolist() == [int(label) for label in LABELS]
    assert (arrays["image"].shape, arrays["generated"].shape) == ((N, 3, 16, 16), (N, 2, 3, 16, 16))
    assert arrays["image"].dtype == arrays["generated"].dtype == np.uint8
    stored = read(Store(tmp_path / "store", tiny_target.fingerprint()), _queries(module), module.view.known)
    assert np.array_equal(arrays["generated"], stored)
    opened = Image.open(tmp_path / "records" / "r05.png").resize((16, 16), Image.Resampling.BICUBIC)
    assert np.abs(arrays["image"][5].astype(int) - np.asarray(opened).transpose(2, 0, 1)).max() <= 1
    _close(arrays["image_embedding"], encoder.embed_images(torch.tensor(arrays["image"])))
    _close(arrays["text_embedding"], encoder.embed_texts([f"picture r{i:02d}" for i in range(N)]))
    flat = encoder.embed_images(torch.tensor(arrays["generated"]).flatten(0, 1))
    _close(arrays["generated_embedding"], flat.view(N, 2, 12))


def test_answers_of_another_size_are_resized_to_the_image_size(data):
    module = data(image_size=5, images_per_record=3)
    module.prepare(frozenset({"generated"}))
    stored = read(module.store, _queries(module), module.view.known)
    assert stored.shape[-2:] == (8, 8)
    assert np.array_equal(module.arrays.inputs["generated"], resize(stored, 5))
    shown = module.answers([4, 0])
    assert np.array_equal(np.stack(shown), stored[[4, 0], 0].permute(0, 2, 3, 1))


def test_only_what_a_head_reads_is_made(data):
    module = data()
    module.prepare(frozenset({"image"}))
    batch = module.example()
    assert batch["image"].shape == (1, 3, 8, 8)
    assert 0 <= batch["image"].min() <= batch["image"].max() <= 1
    with pytest.raises(KeyError, match="generated_embedding is not in the batch"):
        batch["generated_embedding"]


def test_loaders_follow_the_splits(data):
    module = data(batch_size=4)
    module.prepare(frozenset({"image"}))
    loaders = [module.train_dataloader(), *module.val_dataloader(), module.test_dataloader()]
    read_rows = [tuple(row for batch in loader for row in batch.row.tolist()) for loader in loaders]
    assert sorted(read_rows[0]) == list(module.view.splits.rows["train"])
    assert read_rows[1:] == [module.view.splits.rows[split] for split in ("val", "calibration", "test")]
    assert [row for batch in module.train_batches() for row in batch.row.tolist()] == sorted(read_rows[0])
    assert [row for batch in module.batches() for row in batch.row.tolist()] == list(range(N))


def test_no_training_batch_is_of_a_single_record(data):
    module = data()
    module.prepare(frozenset({"image"}))
    n = len(module.train_rows)
    for batch_size in range(2, n + 1):
        module.loading = Loading(batch_size)
        sizes = [len(batch.row) for batch in module.train_dataloader()]
        assert min(sizes) > 1
        assert sum(sizes) == (n - 1 if n % batch_size == 1 else n)


def test_loaders_before_setup_are_refused(data):
    with pytest.raises(RecordError, match="was not set up"):
        data().example()


def test_features_are_the_same_with_and_without_cache(data, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    first, second = data(encoder=encoder), data(encoder=encoder)
    first.prepare(ALL)
    second.prepare(ALL)
    for name in ALL:
        assert np.array_equal(first.arrays.inputs[name], second.arrays.inputs[name])


# ---------------------------------------------------------------------- what is asked


def test_a_fit_asks_each_query_once_and_the_next_asks_nothing(data, ink):
    first, second = ink("first"), ink("second")
    module = data(target=first, images_per_record=2)
    _fit(AttackIIP(), module)
    assert sorted(first.asked()) == sorted((query.prompt, query.seed) for query in _queries(module))
    assert (module.cost.queries, module.cost.nfe) == (2 * N, 6 * N)
    module = data(target=second, images_per_record=2)
    _fit(AttackIP(), module)
    assert second.asked() == []
    assert module.cost.queries == 0


def test_after_an_interruption_only_the_rest_is_asked(data, ink):
    broken, whole = ink("broken", breaks_after=2), ink("whole")
    with pytest.raises(RuntimeError, match="out of ink"):
        data(target=broken).query()
    assert (len(broken.asked()), data(target=whole).estimate().missing) == (8, N - 8)
    data(target=whole).query()
    assert len(whole.asked()) == N - 8
    assert not {*whole.asked()} & {*broken.asked()}


def test_ranks_share_the_queries(data, ink):
    targets = [ink(f"rank {rank}") for rank in range(2)]
    for rank, target in enumerate(targets):
        module = data(target=target)
        module.fill(module.view.labelled, rank, 2)
    assert [len(target.asked()) for target in targets] == [N // 2, N // 2]
    assert data().estimate().missing == 0


def test_an_estimate_asks_nothing(data, ink):
    estimate = data(target=(target := ink()), images_per_record=2).estimate()
    assert (estimate.records, estimate.missing, estimate.nfe) == (N, 2 * N, 6 * N)
    assert target.asked() == []


def test_another_head_on_the_same_datamodule_gets_what_it_reads(data, ink):
    module = data(target=(target := ink()))
    for head in (BlindPixels(), AttackIP(), AttackIIP()):
        _fit(head, module)
    assert len(target.asked()) == N


@pytest.mark.slow
def test_two_processes_ask_each_query_once_in_total(tmp_path, data, ink):
    alone, together = data(store=str(tmp_path / "alone")), ink("together")
    alone.query()
    _fit(AttackIIP(), data(target=together), strategy="ddp_spawn", devices=2)
    assert len(list(together.notes.iterdir())) == 2
    assert len(together.asked()) == len({*together.asked()}) == N
    store = Store(tmp_path / "store", together.fingerprint())
    assert store.keys() == alone.store.keys()
    assert store.digest() == alone.store.digest()


# ---------------------------------------------------------------------- records and splits


def test_an_unreadable_image_is_left_out_and_named(tmp_path, data, caplog):
    module = data()
    (tmp_path / "records" / "r07.png").write_bytes(b"no image")
    module.prepare(frozenset({"image", "generated"}))
    assert module.view.skipped == {"r07.png": "unreadable image: cannot identify image file …"}
    assert "r07.png" in caplog.text
    assert "r07.png" not in module.view.known.ids
    assert len(module.arrays.inputs["image"]) == len(module.arrays.inputs["generated"]) == N - 1


def test_locked_splits_are_not_redrawn(data):
    data().prepare_data()
    with pytest.raises(SplitError, match=f"seed: locked {SEED}, now 151"):
        data(split_seed=151).prepare_data()
    with pytest.raises(SplitError, match="fractions: locked"):
        data(fractions=(0.3, 0.2, 0.25, 0.25)).prepare_data()


def test_a_store_of_another_target_is_refused_before_any_query(data, ink):
    data(target=ink("own")).query()
    foreign = ink("foreign", ink=1)
    with pytest.raises(StoreError, match="weights: store 0, target 1"):
        data(target=foreign).query()
    assert foreign.asked() == []


@pytest.mark.parametrize("label", ["0", "1"])
def test_records_of_one_class_are_refused_before_any_query(tmp_path, data, ink, label):
    module = data(source=write_records(tmp_path / "one", [label] * N), target=(target := ink()))
    with pytest.raises(SplitError, match=f"{N * int(label)} members and {N - N * int(label)} non-members"):
        _fit(AttackIIP(), module)
    assert target.asked() == []


def test_a_record_without_caption_is_refused_before_any_query(tmp_path, data, ink):
    rows = [(f"r{i:02d}.png", "" if i == 9 else "text", LABELS[i], f"artist r{i}") for i in range(N)]
    module = data(source=write_table(tmp_path / "records" / "bare.csv", rows), target=(target := ink()))
    with pytest.raises(RecordError, match=r"1 of 28 records have no caption .*r09\.png"):
        module.query()
    assert target.asked() == []


def test_a_share_of_the_training_records_keeps_whole_groups_and_is_stable(tmp_path, data):
    pairs = write_records(tmp_path / "pairs", ["1", "1", "0", "0"] * 20, per_group=2)

    def rows(fraction, draw=0):
        return data(source=pairs, train_fraction=fraction, train_draw=draw).train_rows

    whole, most, half = rows(1.0), rows(0.8), rows(0.5)
    assert {*half} < {*most} < {*whole}
    assert all((row ^ 1) in half for row in half)  # groups are rows 0 and 1, 2 and 3, …
    assert rows(0.5) == half
    assert rows(0.5, draw=1) != half


@pytest.mark.parametrize("fraction", [0.0, 1.5, -1])
def test_a_share_outside_its_range_is_refused(data, fraction):
    with pytest.raises(RecordError, match=r"`train_fraction` must be in \(0, 1\]"):
        data(train_fraction=fraction)


def test_a_share_without_both_classes_is_refused(data):
    with pytest.raises(RecordError, match="not of both classes"):
        _ = data(train_fraction=0.01).train_rows


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("image_size", 0, "between 1 and 65536"),
        ("images_per_record", 0, "at least 1"),
        ("batch_size", 1, "at least 2"),
        ("num_workers", -1, "between 0 and 1024"),
    ],
)
def test_settings_out_of_range_are_refused(data, setting, value, allowed):
    with pytest.raises(RecordError, match=f"`{setting}` must be {allowed}, but got {value}"):
        data(**{setting: value})


# ---------------------------------------------------------------------- predict


def test_predict_asks_and_reads_the_records_of_unknown_membership_only(tmp_path, data, ink):
    mixed = write_records(tmp_path / "mixed", [*LABELS, "", "unknown", ""])
    module = data(source=mixed, target=(target := ink()))
    module.prepare_data()
    predictions = _trainer().predict(AttackIP(), datamodule=module)
    assert [name for batch in predictions for name in batch["row"].tolist()] == [0, 1, 2]
    assert module.table.ids == ("r28.png", "r29.png", "r30.png")
    assert sorted(prompt for prompt, _ in target.asked()) == ["picture r28", "picture r29", "picture r30"]
    assert len(module.view.known) == N


def test_unknown_records_do_not_move_the_splits(tmp_path, data):
    mixed = write_records(tmp_path / "mixed", [*LABELS, "", ""])
    assert data(source=mixed).view.splits.digest == data().view.splits.digest


def test_predict_without_unknown_records_says_what_to_do(data):
    with pytest.raises(RecordError, match="every record of the source is labelled"):
        data().prepare(frozenset({"image"}), "predict")


# ---------------------------------------------------------------------- placebo


def test_another_target_answers_for_the_same_records_and_splits(tmp_path, data, ink, tiny_clip_folder):
    encoder = OpenClipEncoder(str(tiny_clip_folder), device="cpu")
    module = data(encoder=encoder, images_per_record=2, batch_size=7)
    placebo = module.answered_by(ink("placebo", ink=1), str(tmp_path / "placebo"))
    assert placebo.view.labelled is module.view.labelled
    assert placebo.view.unlabelled is module.view.unlabelled
    assert placebo.view.splits == module.view.splits
    assert (placebo.images_per_record, placebo.loading.batch_size, placebo.tools.encoder) == (2, 7, encoder)
    inputs = AttackIV.inputs | AttackIIS.inputs | AttackIP.inputs
    module.prepare(inputs)
    placebo.prepare(inputs)
    assert np.array_equal(module.arrays.inputs["image_embedding"], placebo.arrays.inputs["image_embedding"])
    assert not np.array_equal(module.arrays.inputs["generated"], placebo.arrays.inputs["generated"])
    assert module.cost.queries == placebo.cost.queries == 2 * N


def _close(array, expected):
    np.testing.assert_allclose(array, expected.numpy(), rtol=1e-4, atol=1e-5)
