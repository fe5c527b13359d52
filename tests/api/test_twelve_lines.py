"""What a notebook does: from a live pipeline and images to a verdict and a plot, and what comes after."""

import pytest
from small_records import QUARTERS

import lit_mia
from lit_mia.errors import CommandError, ReportError


@pytest.fixture
def notebook(two_folders, tiny_pipeline_folder, tiny_clip_folder, tmp_path, monkeypatch):
    """A working directory with a folder of photos, and what a user has in memory."""
    from diffusers import DiffusionPipeline

    monkeypatch.chdir(tmp_path)
    encoder = {"class_path": "OpenClipEncoder", "init_args": {"model": str(tiny_clip_folder)}}
    quick = {"budget.seeds": 1, "budget.max_epochs": 1, "head": "head/resnet_small"}
    pipe = DiffusionPipeline.from_pretrained(tiny_pipeline_folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe, {
        "encoder": encoder,
        "image_size": 16,
        "fractions": QUARTERS,
        "design": "same_source_holdout",
        "settings": quick,
    }


@pytest.mark.slow
def test_from_a_live_pipeline_and_a_folder_of_images_to_a_verdict_and_a_plot(notebook, tmp_path):
    pipe, small = notebook
    target = lit_mia.DiffusersTarget.from_pipeline(pipe, steps=2)
    denoiser = lit_mia.DenoiserTarget.from_pipeline(pipe)
    assert target.fingerprint()["weights"] == denoiser.fingerprint()["weights"]

    result = lit_mia.audit(pipe, records="photos", attacks=["II-S", "SimA"], **small)
    assert result.verdict.kind in str(result.verdict)
    table = result.table()
    assert list(table["row"][table["kind"] == "attack"]) == ["II-S", "SimA"]
    assert table["auc"].between(0, 1).all()
    assert len(result.plot_roc().axes) >= 2
    page = result.save("copy")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>") or page.stat().st_size > 10_000
    assert lit_mia.load("copy").numbers == result.numbers
    assert sorted(path.name for path in (tmp_path / "copy" / "heads").iterdir())
    assert "II-S" in result._repr_html_()

    again = lit_mia.audit(pipe, records="photos", attacks=["II-S", "SimA"], output="again", **small)
    assert again.numbers["cost"]["queries"] == 0  # the same weights, the same records
    changes = lit_mia.compare(result, again)
    assert changes.table()["change"].abs().max() < 1e-6
    assert (changes.folder / "compare.html").is_file()
    with pytest.raises(CommandError, match="needs two audits"):
        lit_mia.compare(result, result.folder)

    planned = lit_mia.Audit.of(pipe, records="photos", attacks=["II-S", "SimA"], **small)
    assert not planned.is_portable
    assert "memory:" in planned.to_yaml()
    tested = lit_mia.selftest(planned, permutations=2, planted=0, apart=0)
    assert tested.table()["repetitions"].sum() >= 2


def test_a_folder_without_an_audit_is_told(tmp_path):
    with pytest.raises(ReportError, match="no report at"):
        lit_mia.load(tmp_path)


def test_a_design_is_drawn_and_audited_with_its_commitment(two_folders, tmp_path):
    drawn = lit_mia.design(two_folders[0], tmp_path / "design", seed="1")
    assert (drawn.train / "metadata.jsonl").is_file()
    assert len(drawn.table()) == len(list(two_folders[0].glob("*.png")))
    assert drawn.numbers["commitment"] == drawn.commitment
    assert drawn.source().load().members.count(1) == int(drawn.table()["included"].sum())
    assert drawn.source().design.kind == "randomized_split"
