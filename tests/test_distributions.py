"""What a release uploads: a small lit-mia, and the shipped models in a distribution of their own."""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from lit_mia.models.files import ASSETS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
CONFIGS = {f"lit_mia/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.yaml")}
SHIPPED = {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*") if path.is_file()}
FOUND = """
import sys
from lit_mia.errors import TargetError
from lit_mia.models import shipped
try:
    shipped("shipped:openmoji-clip")
except TargetError as error:
    print(error)
sys.path.append(sys.argv[1])
print(shipped("shipped:openmoji-clip"))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder that the script for a release writes."""
    folder = tmp_path_factory.mktemp("dist")
    script = ["bash", str(ROOT / "scripts/build_distributions.sh"), str(folder)]
    done = subprocess.run(
        script, env={**os.environ, "PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (file,) = built.glob("lit_mia-*.whl")
    return file


@pytest.fixture(scope="module")
def demo(built, wheel):
    """The demo's wheel, whose version is that of lit-mia."""
    return built / wheel.name.replace("lit_mia-", "lit_mia_demo-")


def test_the_wheel_is_small_and_has_configs_templates_and_names(wheel):
    names = set(ZipFile(wheel).namelist())
    assert wheel.stat().st_size < 3e6
    assert names >= CONFIGS
    assert names >= {"lit_mia/report/templates/page.html.jinja", "datamodules/name_lists/surnames.txt"}
    assert not any(name.startswith("lit_mia/assets") or name.endswith(".safetensors") for name in names)
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"lit_mia", "datamodules"}


def test_links_of_the_readme_hold_on_a_package_index(wheel):
    archive = ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
    _, _, readme = archive.read(name).decode("utf-8").partition("\n\n")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert "https://github.com/lit-mia/lit-mia/blob/main/docs/simulations.md" in links
    assert "https://raw.githubusercontent.com/lit-mia/lit-mia/main/docs/assets/report.png" in links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_the_demo_has_all_that_ships_with_its_licences(demo):
    names = {name.removeprefix("lit_mia_demo/") for name in ZipFile(demo).namelist()}
    assert names >= SHIPPED | {"LICENSE", "LICENSES.md"}
    assert demo.stat().st_size < 80e6


def test_the_source_is_small_and_builds_what_the_wheel_holds(built):
    (file,) = built.glob("lit_mia-*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert file.stat().st_size < 3e6
    assert names >= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "configs/audit/quickstart.yaml"}
    assert not any(name.startswith("lit_mia/assets") for name in names)


def test_the_models_are_found_once_the_demo_is_installed(wheel, demo, tmp_path):
    for file in (wheel, demo):
        ZipFile(file).extractall(tmp_path / file.name)
    done = subprocess.run(
        [sys.executable, "-c", FOUND, str(tmp_path / demo.name)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / wheel.name)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    missing, found = done.stdout.splitlines()
    assert "`pip install lit-mia-demo==" in missing
    assert Path(found) == tmp_path / demo.name / "lit_mia_demo/encoders/openmoji-clip"
