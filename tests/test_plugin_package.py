"""A package outside the repository, installed beside lit-mia and used through the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PACKAGE = Path(__file__).parent / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package, installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "plugin")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def workplace(tmp_path_factory, tiny_ddpm_folder):
    """A folder with the package's config and a tiny denoiser."""
    folder = tmp_path_factory.mktemp("work")
    shutil.copy(PACKAGE / "audit.yaml", folder)
    shutil.copytree(tiny_ddpm_folder, folder / "pipeline")
    return folder


def lit_mia(*args, installed, cwd):
    program = "from lit_mia.main import main; main()"
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_listed_with_what_it_adds(installed, tmp_path):
    listed = lit_mia("plugins", installed=installed, cwd=tmp_path).stdout
    assert "example (lit-mia-example 0.0.1)" in listed
    for name in ("ImageSpread", "SecondNoise", "Blurred", "Stripes", "MeanColour", "length", "youden"):
        assert name in listed
    assert "generated_spread, caption_length" in listed


def test_an_audit_uses_all_of_it(installed, workplace):
    done = lit_mia("audit", "--config", "audit.yaml", "--output", "out", installed=installed, cwd=workplace)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    report = json.loads((workplace / "out/audit.json").read_text())
    rows = {row["name"]: row for row in report["rows"]}
    assert rows["spread length"]["kind"] == "length"
    assert rows.keys() >= {"spread", "spread length", "spread placebo", "second noise", "second noise blind"}
    assert all(0 <= row["youden"] <= 1 for row in report["rows"])
    assert report["encoder"] == {"encoder": "mean colour"}
    assert report["target"]["target"]["kind"] == "blurred"
    assert "J" in done.stdout.split()
    page = (workplace / "out/report.html").read_text()
    assert "--kind-length: #5d4a9a" in page
    assert "Youden&#39;s J" in page
    assert "sees the length of the caption alone" in page


def test_its_result_is_rebuilt_without_it(installed, workplace, tmp_path):
    if not (workplace / "out").is_dir():
        pytest.fail("The audit before has left no result.")
    before = (workplace / "out/report.html").read_text()
    again = lit_mia("report", "out", installed=installed, cwd=workplace)
    assert again.returncode == 0, again.stderr
    assert (workplace / "out/report.html").read_text() == before
    bare = lit_mia("report", "out", installed=tmp_path, cwd=workplace)
    assert bare.returncode == 2
    assert "There is no kind of row 'length'" in bare.stderr
