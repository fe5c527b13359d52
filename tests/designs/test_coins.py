"""Coins: independent, fair, and of one group alike; names and sizes of files tell nothing of them."""

import io

import numpy as np
from designed import COPIES, PLAIN, plan_of, scene, seen, table
from scipy.stats import binom, chisquare, kstest, mannwhitneyu

from lit_mia.designs import Settings, drawn, look_through
from lit_mia.designs.coins import file_name, is_drawn, new_seed, salt_of

SEEDS = 2000


def test_the_number_that_is_in_follows_the_binomial():
    coins = np.array([[is_drawn(str(seed), f"g{group}", 0.5) for group in range(30)] for seed in range(SEEDS)])
    counts = coins.sum(axis=1)
    edges = [9, 11, 12, 13, 14, 15, 16, 17, 18, 20]
    expected = np.diff([0, *binom.cdf(edges, 30, 0.5), 1]) * SEEDS
    found = np.histogram(counts, bins=[-1, *edges, 31], density=False)[0]
    found = np.diff([0, *((counts <= edge).sum() for edge in edges), SEEDS])
    assert chisquare(found, expected).pvalue > 0.001
    between = np.corrcoef(coins.T) - np.eye(30)
    assert np.abs(between).max() < 5 / np.sqrt(SEEDS), "a coin tells nothing of another"


def test_other_shares_are_kept():
    drawn_share = np.mean([is_drawn("s", f"g{group}", 0.9) for group in range(SEEDS)])
    assert abs(drawn_share - 0.9) < 4 * np.sqrt(0.09 / SEEDS)


def test_seeds_are_of_the_system_and_decide_everything():
    assert new_seed() != new_seed()
    assert len(salt_of("a")) == 64
    assert file_name(salt_of("a"), "r1", 0) == file_name(salt_of("a"), "r1", 0)
    names = {file_name(salt_of(seed), entry, copy) for seed in "ab" for entry in ("r1", "r2") for copy in (0, 1)}
    assert len(names) == 8
    assert {len(name) for name in names} == {20}


def test_near_copies_never_straddle_the_coin():
    images = [change(scene(seed)) for seed in range(30) for change in (lambda image: image, *COPIES.values())]
    looked = look_through(table(images))
    assert len(set(looked.records.groups)) == 30
    for seed in range(20):
        entries = drawn(looked, PLAIN, str(seed)).manifest.entries
        sides = [{entry.included for entry in entries[row : row + 11]} for row in range(0, len(entries), 11)]
        assert {len(side) for side in sides} == {1}
        assert {True, False} == set.union(*sides)


def test_groups_of_the_source_stay_together_and_labels_are_ignored(caplog):
    records = table([scene(s) for s in range(60)], members=(1, 0) * 30, groups=tuple(f"g{s // 3}" for s in range(60)))
    entries = drawn(look_through(records), PLAIN, "s").manifest.entries
    assert {len({e.included for e in entries[row : row + 3]}) for row in range(0, 60, 3)} == {1}
    assert "labels are ignored" in caplog.text
    unlabelled = table([scene(s) for s in range(60)], groups=records.groups)
    assert drawn(look_through(unlabelled), PLAIN, "s").manifest.entries == entries


def test_sides_differ_neither_in_names_nor_in_sizes():
    sizes = {}
    for name, row in zip(seen(80).records.ids, range(80), strict=True):
        file = io.BytesIO()
        seen(80).records.open_image(row).save(file, "PNG")
        sizes[name] = len(file.getvalue())
    p_sizes, p_names = [], []
    for seed in range(200):
        manifest = plan_of(80, seed=str(seed)).manifest
        sides = [[entry for entry in manifest.entries if entry.included is side] for side in (True, False)]
        numbers = [[int(file_name(manifest.salt, e.id, 0)[:16], 16) / 2**64 for e in side] for side in sides]
        p_sizes.append(mannwhitneyu(*([sizes[entry.id] for entry in side] for side in sides)).pvalue)
        p_names.append(mannwhitneyu(*numbers).pvalue)
    for p in (p_sizes, p_names):
        assert kstest(p, "uniform").pvalue > 0.01


def test_unreadable_images_are_left_out(caplog):
    images = [scene(seed) for seed in range(10)]
    looked = look_through(table([*images, None]))
    assert looked.records.ids == tuple(f"r{row:03d}" for row in range(10))
    assert "1 of 11 images are left out: 1 × unreadable image" in caplog.text


def test_settings_of_other_shares_and_layouts_are_drawn_too():
    manifest = drawn(seen(80), Settings(0.9, "dreambooth", None), "s").manifest
    assert (manifest.include, manifest.layout) == (0.9, "dreambooth")
    assert 60 < sum(entry.included for entry in manifest.entries) < 80
