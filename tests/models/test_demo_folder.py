"""Where the shipped models of an installed lit-mia are, and what is said where they are not."""

from importlib.metadata import version

import pytest

from lit_mia.errors import TargetError
from lit_mia.models import files
from lit_mia.models.files import demo_folder, shipped

OURS = version("lit-mia")


@pytest.fixture(autouse=True)
def no_checkout(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ASSETS", tmp_path / "assets")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs a distribution of the demo with one small model, of some version."""

    def install(release):
        site = tmp_path / "site"
        (site / "lit_mia_demo/encoders/small").mkdir(parents=True)
        facts = site / f"lit_mia_demo-{release}.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.4\nName: lit-mia-demo\nVersion: {release}\n")
        monkeypatch.syspath_prepend(str(site))
        return site / "lit_mia_demo"

    return install


def test_a_checkout_has_them_whatever_is_installed(installed, tmp_path):
    installed("0.0.0")
    (tmp_path / "assets").mkdir()
    assert demo_folder() == tmp_path / "assets"


def test_an_installed_lit_mia_has_them_from_the_demo(installed):
    folder = installed(OURS)
    assert demo_folder() == folder
    assert shipped("shipped:small") == str(folder / "encoders/small")


def test_without_the_demo_the_error_names_the_command():
    with pytest.raises(TargetError, match=f"not installed here: `pip install lit-mia-demo=={OURS}`"):
        shipped("shipped:small")
    assert shipped("own/folder") == "own/folder"


def test_a_demo_of_another_version_is_refused(installed):
    installed("0.0.0")
    with pytest.raises(TargetError, match=rf"lit-mia-demo 0\.0\.0 does not fit lit-mia {OURS}: `pip install lit-mia-"):
        shipped("shipped:small")
