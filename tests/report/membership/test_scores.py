import csv
import hashlib

import numpy as np
import pytest
from sklearn.metrics import roc_curve as sklearn_roc

from lit_mia.errors import ReportError
from lit_mia.report.membership.scores import (
    COMBINED,
    ScoreTable,
    curves,
    read_scores,
    score_table,
    write_roc,
    write_scores,
)


def test_parquet_round_trip(audit, tmp_path):
    table = audit.scores
    write_scores(table, tmp_path / "scores.parquet")
    read = read_scores(tmp_path / "scores.parquet")
    assert len(read) == len(table)
    for name in ("id_hash", "label", "split", "row", "kind", "seed", "score"):
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))


def test_ids_are_hashed():
    table = score_table(["secret.png"], [1], ["test"], [0.5], row="I-P", kind="attack")
    assert table.id_hash.tolist() == [hashlib.sha256(b"secret.png").hexdigest()]
    assert table.seed.tolist() == [COMBINED]


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
    combined = score_table(ids, [1, 0, -1, 0], split, [2.0, 1.0, 9.0, 8.0], row="I-P", kind="attack")
    one_seed = score_table(ids, [1, 0, -1, 0], split, [0.0, 5.0, 0.0, 0.0], row="I-P", kind="attack", seed=0)
    roc = curves(ScoreTable.join([one_seed, combined]))["I-P"]
    assert roc.thresholds.tolist() == [np.inf, 2.0, 1.0]
    assert roc.tpr.tolist() == [0.0, 1.0, 1.0]
    assert roc.fpr.tolist() == [0.0, 0.0, 1.0]


def test_columns_of_different_length():
    with pytest.raises(ReportError, match=r"I-P.*'labels': 2"):
        score_table(["a"], [1, 0], ["test"], [0.1], row="I-P", kind="attack")


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(ReportError, match="no scores"):
        read_scores(tmp_path / "scores.parquet")
    (tmp_path / "scores.parquet").write_bytes(b"not parquet")
    with pytest.raises(ReportError, match="not a table of scores"):
        read_scores(tmp_path / "scores.parquet")
