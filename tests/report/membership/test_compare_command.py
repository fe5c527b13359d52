"""`lit-mia compare A B`: two folders to table, page, figure and numbers, and what is refused."""

import json

import pytest
from compared_audits import finished, noisy

from lit_mia.errors import LitMiaError
from lit_mia.main import run

pytestmark = pytest.mark.slow


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, seed, shift in (("before", 1, 1.6), ("after", 2, 0.1)):
        folder, result = tmp_path / name, finished({"II-S": noisy(seed, shift)[0]})
        folder.mkdir()
        (folder / "audit.json").write_text(json.dumps(result.numbers()), encoding="utf-8")
        result.files()["scores.parquet"](folder / "scores.parquet")
    return tmp_path


def test_two_finished_audits_side_by_side(folders, capsys):
    run(["compare", "before", "after"])
    said = capsys.readouterr().out
    assert "II-S: AUC is lower in B by" in said
    assert "Numbers: runs/compare_before_after/compare.json" in said
    assert "Page:    runs/compare_before_after/compare.html" in said
    made = folders / "runs/compare_before_after"
    assert {path.name for path in made.iterdir()} == {"compare.json", "compare.html", "compare.png"}
    numbers = json.loads((made / "compare.json").read_text(encoding="utf-8"))
    assert (numbers["a"]["folder"], numbers["b"]["folder"]) == ("before", "after")
    run(["compare", "after", "before", "--output", "elsewhere"])
    assert "II-S: AUC is higher in B by" in capsys.readouterr().out
    assert (folders / "elsewhere/compare.html").is_file()


def test_what_cannot_be_compared_is_refused_in_words(folders):
    with pytest.raises(LitMiaError, match=r"needs two audits, but both folders are before"):
        run(["compare", "before", "./before"])
    with pytest.raises(LitMiaError, match="There is no report at nowhere"):
        run(["compare", "before", "nowhere"])
    with pytest.raises(LitMiaError, match="is a file"):
        run(["compare", "before", "after", "--output", "before/audit.json"])
    sweep = {"schema": "lit-mia/sweep/1"}
    (folders / "sweep").mkdir()
    (folders / "sweep/audit.json").write_text(json.dumps(sweep), encoding="utf-8")
    with pytest.raises(LitMiaError, match="sweep"):
        run(["compare", "before", "sweep"])
    (folders / "after/scores.parquet").unlink()
    with pytest.raises(LitMiaError, match="There are no scores at"):
        run(["compare", "before", "after"])
    assert not (folders / "runs").exists()
