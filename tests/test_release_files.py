"""What a release states of itself, in one version; what services are told to run."""

import os
import tomllib
from importlib.metadata import version
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEMO = tomllib.loads((ROOT / "scripts/demo_distribution/pyproject.toml").read_text(encoding="utf-8"))


def parsed(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_version_is_one():
    assert parsed("CITATION.cff")["version"] == PROJECT["version"] == version("lit-mia")
    assert PROJECT["optional-dependencies"]["demo"] == [f"lit-mia-demo=={PROJECT['version']}"]
    assert DEMO["project"]["dynamic"] == ["version"]  # read from pyproject.toml


def test_authors_licence_and_addresses_are_the_same_everywhere():
    citation = parsed("CITATION.cff")
    assert citation["authors"] == PROJECT["authors"] == DEMO["project"]["authors"]
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def test_the_demo_is_not_needed_where_it_cannot_be_fetched():
    named = {extra for extra, needs in PROJECT["optional-dependencies"].items() if "demo" in str(needs)}
    assert named == {"demo"}
    assert "lit-mia-demo" not in str(PROJECT["dependencies"])


def test_continuous_integration_runs_the_one_script_and_may_only_read():
    workflow = parsed(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    assert job["steps"][-1] == {"run": ".ci/run"}
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}
    assert "permissions" not in job
    assert "secrets" not in (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert job["timeout-minutes"] == 90


def test_the_site_is_built_from_its_config_and_no_warning_passes():
    assert parsed(".readthedocs.yaml")["mkdocs"] == {
        "configuration": "scripts/docs_site/mkdocs.yml",
        "fail_on_warning": True,
    }
