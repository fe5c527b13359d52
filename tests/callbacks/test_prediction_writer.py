"""What `predict` writes about records of unknown membership."""

import csv
import warnings

import lightning as L
import numpy as np
import pytest
from planted_pairs import PlantedPairs

from lit_mia.attacks import AttackIIS
from lit_mia.attacks.frozen import read_threshold, threshold_path
from lit_mia.attacks.training import score_all
from lit_mia.callbacks import PredictionWriter
from lit_mia.errors import HeadError


def _trainer(*callbacks, max_epochs=3):
    return L.Trainer(
        accelerator="cpu",
        max_epochs=max_epochs,
        callbacks=[*callbacks],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


@pytest.fixture(scope="module")
def data():
    return PlantedPairs("reconstruction")


@pytest.fixture(scope="module")
def tested(data, tmp_path_factory):
    """The checkpoint of a head that was fitted and then tested once."""
    path = tmp_path_factory.mktemp("head") / "best.ckpt"
    attack, trainer = AttackIIS(widths=(16, 8), lr=0.01), _trainer()
    trainer.fit(attack, datamodule=data)
    trainer.save_checkpoint(path)
    _trainer().test(AttackIIS(widths=(16, 8)), datamodule=data, ckpt_path=str(path), verbose=False)
    return path


def _predict(data, checkpoint, output, **options):
    attack, writer = AttackIIS(widths=(16, 8)), PredictionWriter(str(output), **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*predict returned None.*")
        _trainer(writer).predict(attack, datamodule=data, ckpt_path=str(checkpoint), return_predictions=False)
    with output.open() as file:
        return attack, list(csv.DictReader(file))


def test_one_row_per_record_sorted_by_id_with_its_raw_score(data, tested, tmp_path):
    attack, rows = _predict(data, tested, tmp_path / "new" / "predictions.csv")
    asked = list(data.rows["test"])
    assert [row["id"] for row in rows] == sorted(data.table.ids[row] for row in asked)
    assert [float(row["score"]) for row in rows] == pytest.approx(score_all(attack, data)[asked], abs=1e-5)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["predictions.csv"]


def test_each_row_tells_what_the_threshold_is_worth(data, tested, tmp_path):
    _, rows = _predict(data, tested, tmp_path / "predictions.csv", prior=0.1)
    frozen, score = read_threshold(tested).frozen, np.array([float(row["score"]) for row in rows])
    member = data.arrays.member[list(data.rows["test"])]
    above = score >= frozen.threshold
    fpr, tpr = above[member == 0].mean(), above[member == 1].mean()
    assert tpr > 0.5 > 0.3 > fpr
    for row, is_above in zip(rows, above, strict=True):
        assert row["above_threshold"] == str(is_above)
        assert float(row["threshold"]) == frozen.threshold
        assert (float(row["nominal_fpr"]), float(row["prior"])) == (0.1, 0.1)
        assert float(row["realised_fpr"]) == pytest.approx(fpr)
        assert float(row["realised_fpr_lo"]) < fpr < float(row["realised_fpr_hi"])
        assert float(row["ppv_above_threshold"]) == pytest.approx(0.1 * tpr / (0.1 * tpr + 0.9 * fpr))
        assert float(row["ppv_lo"]) < float(row["ppv_above_threshold"]) < float(row["ppv_hi"])


def test_each_row_tells_how_many_non_members_score_higher(data, tested, tmp_path):
    _, rows = _predict(data, tested, tmp_path / "predictions.csv")
    score = np.array([float(row["score"]) for row in rows])
    outside = score[data.arrays.member[list(data.rows["test"])] == 0]
    expected = [(1 + (outside >= value).sum()) / (1 + len(outside)) for value in score]
    assert [float(row["nonmembers_scoring_higher"]) for row in rows] == pytest.approx(expected, abs=0.01)


def test_the_printed_meaning_names_rates_and_prior(data, tested, tmp_path, capsys):
    _predict(data, tested, tmp_path / "predictions.csv", prior=0.2)
    said, frozen = capsys.readouterr().out, read_threshold(tested).frozen
    assert "300 records scored" in said
    assert f"it realised {frozen.realised_fpr:.1%} [" in said
    assert "If 20% of the records you ask about were members" in said
    assert "not proof about one" in said


def test_an_untested_head_is_refused_before_anything_is_scored(data, tested, tmp_path):
    untested = tmp_path / "untested.ckpt"
    untested.write_bytes(tested.read_bytes())
    assert not threshold_path(untested).exists()
    with pytest.raises(HeadError, match=r"untested\.ckpt has no frozen threshold .* Run `lit-mia test`"):
        _predict(data, untested, tmp_path / "predictions.csv")
    assert not (tmp_path / "predictions.csv").exists()


@pytest.mark.parametrize("prior", [0.0, 1.0, 20])
def test_a_prior_is_a_share(prior):
    with pytest.raises(HeadError, match=f"`prior` must be in \\(0, 1\\), but got {prior}"):
        PredictionWriter(prior=prior)
