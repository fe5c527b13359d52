import csv
import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_curve as sklearn_roc

from lit_mia.errors import ReportError
from lit_mia.report.membership import scores
from lit_mia.report.membership.scores import (
    COMBINED,
    Listed,
    ScoreTable,
    curves,
    read_scores,
    write_roc,
    write_scores,
)


def test_parquet_round_trip(audit, tmp_path):
    table = audit.scores
    write_scores(table, tmp_path / "scores.parquet")
    read = read_scores(tmp_path / "scores.parquet")
    assert len(read) == len(table)
    for name in ("id_hash", "label", "split", "row", "kind", "seed", "score", "group"):
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))


def test_ids_are_hashed():
    table = Listed.of(["secret.png"], [1], ["test"]).scored([0.5], row="I-P", kind="attack")
    assert table.id_hash.tolist() == [hashlib.sha256(b"secret.png").hexdigest()]
    assert table.seed.tolist() == [COMBINED]


def test_groups_are_hashed_and_older_files_have_none(tmp_path):
    listed = Listed.of(["a", "b", "c"], [1, 0, 0], ["test"] * 3, ["x", "x", "y"])
    table = listed.scored([0.1, 0.2, 0.3], row="I-P", kind="attack")
    assert table.group.tolist() == [hashlib.sha256(name).hexdigest() for name in (b"x", b"x", b"y")]
    write_scores(table, tmp_path / "scores.parquet")
    older = pq.read_table(tmp_path / "scores.parquet").drop_columns(["group"])
    pq.write_table(older, tmp_path / "older.parquet")
    read = read_scores(tmp_path / "older.parquet")
    assert read.group.tolist() == [""] * 3
    assert read.score.tolist() == [0.1, 0.2, 0.3]
    pq.write_table(older.drop_columns(["seed"]), tmp_path / "other.parquet")
    with pytest.raises(ReportError, match="has the columns"):
        read_scores(tmp_path / "other.parquet")


def test_roc_csv_equals_sklearn(audit, tmp_path):
    table = audit.scores
    write_roc(table, tmp_path / "roc.csv")
    with (tmp_path / "roc.csv").open() as file:
        rows = list(csv.DictReader(file))
    chosen = table.select((table.row == "II-S") & (table.seed == COMBINED))
    fpr, tpr, thresholds = sklearn_roc(chosen.label, chosen.score, drop_intermediate=False)
    ours = [r for r in rows if r["row"] == "II-S"]
    assert {r["kind"] for r in ours} == {"attack"}
    np.testing.assert_allclose([float(r["fpr"]) for r in ours], fpr)
    np.testing.assert_allclose([float(r["tpr"]) for r in ours], tpr)
    np.testing.assert_array_equal([float(r["threshold"]) for r in ours], thresholds)


def test_curves_take_only_combined_test_scores_of_known_label():
    ids = ["a", "b", "c", "d"]
    split = ["test", "test", "test", "train"]
    listed = Listed.of(ids, [1, 0, -1, 0], split)
    combined = listed.scored([2.0, 1.0, 9.0, 8.0], row="I-P", kind="attack")
    one_seed = listed.scored([0.0, 5.0, 0.0, 0.0], row="I-P", kind="attack", seed=0)
    roc = curves(ScoreTable.join([one_seed, combined]))["I-P"]
    assert roc.thresholds.tolist() == [np.inf, 2.0, 1.0]
    assert roc.tpr.tolist() == [0.0, 1.0, 1.0]
    assert roc.fpr.tolist() == [0.0, 0.0, 1.0]


def test_columns_of_different_length():
    with pytest.raises(ReportError, match=r"Records.*'labels': 2"):
        Listed.of(["a"], [1, 0], ["test"])
    with pytest.raises(ReportError, match=r"I-P.*'scores': 1"):
        Listed.of(["a", "b"], [1, 0], ["test"] * 2).scored([0.1], row="I-P", kind="attack")


def test_files_are_written_and_read_in_parts(audit, tmp_path, monkeypatch):
    write_scores(audit.scores, tmp_path / "whole.parquet")
    monkeypatch.setattr(scores, "_LINES", 1000)
    write_scores(audit.scores, tmp_path / "parts.parquet")
    whole, parts = (read_scores(tmp_path / f"{name}.parquet") for name in ("whole", "parts"))
    np.testing.assert_array_equal(whole.score, parts.score)
    np.testing.assert_array_equal(whole.id_hash, parts.id_hash)
    np.testing.assert_array_equal(whole.row, audit.scores.row)
    assert len({id(name) for name in parts.id_hash}) == len({*parts.id_hash})  # each is held once


def test_names_of_many_records_are_written_once(tmp_path):
    n = 20_000  # of 64 bytes each, in 10 rows, twice
    listed = Listed.of([str(i) for i in range(n)], [i % 2 for i in range(n)], ["test"] * n)
    row = listed.scored(np.zeros(n), row="I-P", kind="attack")
    write_scores(ScoreTable.join([row] * 10), tmp_path / "scores.parquet")
    assert (tmp_path / "scores.parquet").stat().st_size < 2 * 64 * n * 2


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(ReportError, match="no scores"):
        read_scores(tmp_path / "scores.parquet")
    (tmp_path / "scores.parquet").write_bytes(b"not parquet")
    with pytest.raises(ReportError, match="not a table of scores"):
        read_scores(tmp_path / "scores.parquet")
