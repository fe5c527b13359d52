"""The shipped demo, audited through the console script at small size."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules import OpenMojiSource

ROOT = Path(__file__).parent.parent
SMALL = ["--data.init_args.target.init_args.steps=5", "--placebo.init_args.steps=5"]
SMALL += ["--budget.seeds=2", "--budget.max_epochs=60"]

pytestmark = pytest.mark.slow


def lit_mia(*args, cwd):
    program = Path(sys.executable).with_name("lit-mia")
    run = subprocess.run([program, *args], cwd=cwd, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    return run.stdout


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A folder where two heads of the demo were audited: five sampling steps, two seeds."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "configs", folder / "configs")
    quick = folder / "configs/audit/quickstart.yaml"
    lines = quick.read_text().splitlines()
    dropped = [f"  - ../attack/{name}.yaml" for name in ("i_p", "i_s", "iii", "iv")]
    (folder / "configs/audit/small.yaml").write_text("\n".join(line for line in lines if line not in dropped))
    printed = lit_mia("audit", "--config", "configs/audit/small.yaml", *SMALL, "--output", "runs/small", cwd=folder)
    return folder, printed


def test_the_demo_target_leaks_beyond_controls(audited):
    folder, printed = audited
    report = json.loads((folder / "runs/small/audit.json").read_text())
    assert report["verdict"]["kind"] == "leakage beyond controls"
    assert "leakage beyond controls" in printed
    rows = {row["name"]: row for row in report["rows"]}
    for attack in ("II-P", "II-S"):
        assert rows[attack]["smallest_difference"]["ci"][0] > 0
        for kind in ("blind", "caption", "placebo"):
            assert rows[attack]["auc"] > rows[f"{attack} {kind}"]["auc"] + 0.1
    assert report["cost"]["queries"] == 2 * 1322
    assert (folder / "runs/small/report.html").stat().st_size > 10_000


def test_a_second_run_asks_nothing(audited):
    folder, _ = audited
    lit_mia("audit", "--config", "configs/audit/small.yaml", *SMALL, "--output", "runs/again", cwd=folder)
    first, second = (json.loads((folder / f"runs/{name}/audit.json").read_text()) for name in ("small", "again"))
    assert second["cost"]["queries"] == 0
    assert second["tried"] == {"configurations": 1, "test_openings": 2, "commands": {"audit": 2}}
    assert [row["auc"] for row in second["rows"]] == pytest.approx([row["auc"] for row in first["rows"]], abs=0.02)


def test_unknown_images_are_scored_with_a_head_of_the_audit(audited):
    folder, _ = audited
    images = sorted(OpenMojiSource().folder.glob("*.png"))[:3]
    rows = "".join(f"{path},an emoji\n" for path in images)
    (folder / "unknown.csv").write_text("image,caption\n" + rows)
    model = ["--model", "configs/attack/ii_s.yaml"]
    config = ["--config", "configs/experiment/predict_unknown.yaml"]
    printed = lit_mia("predict", *config, *model, SMALL[0], "--ckpt_path", "runs/small/heads/II-S.ckpt", cwd=folder)
    assert "3 records scored" in printed
    assert len((folder / "predictions.csv").read_text().splitlines()) == 4


def test_training_free_attacks_on_the_pixel_target(tmp_path):
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    full = (tmp_path / "configs/audit/openmoji_ddpm.yaml").read_text()
    dropped = [f"  - ../statistic/{name}.yaml\n" for name in ("secmi", "pia", "pian", "rediffuse", "fremia_loss")]
    for line in dropped:
        assert line in full
        full = full.replace(line, "")
    (tmp_path / "configs/audit/small.yaml").write_text(full)
    for name, t in (("loss", 200), ("sima", 100)):
        block = tmp_path / f"configs/statistic/{name}.yaml"
        lines = [f"  t: {t}" if line.startswith("  t:") else line for line in block.read_text().splitlines()]
        block.write_text("\n".join(lines))
    command = ["audit", "--config", "configs/audit/small.yaml", "--budget.seeds=1", "--budget.max_epochs=2"]
    printed = lit_mia(*command, "--output", "runs/small", cwd=tmp_path)
    report = json.loads((tmp_path / "runs/small/audit.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}
    assert report["verdict"]["kind"] == "leakage beyond controls"
    assert "no training" in " ".join(printed.split())
    assert rows["SimA"]["auc"] > rows["Loss"]["auc"] > 0.6
    assert rows["SimA"]["smallest_difference"]["ci"][0] > 0
    assert abs(rows["SimA placebo"]["auc"] - 0.5) < 0.1
    assert report["cost"]["nfe"] == 2 * 2 * 1322
    lit_mia(*command, "--output", "runs/again", cwd=tmp_path)
    assert json.loads((tmp_path / "runs/again/audit.json").read_text())["cost"]["nfe"] == 0
