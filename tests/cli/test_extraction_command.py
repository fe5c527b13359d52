"""An extraction audit from one YAML: what it costs, numbers, page, pictures, and commands that are not for it."""

import json

import pytest
import yaml

from lit_mia.main import run

pytestmark = pytest.mark.slow


@pytest.fixture
def config(workspace):
    """The data of the membership audit, and its placebo as a base, sampled as the target is."""
    audit = yaml.safe_load((workspace.root / "audit.yaml").read_text())
    base = audit["placebo"]
    base["init_args"]["steps"] = 2
    return workspace.write("extraction.yaml", {"data": audit["data"], "measures": ["TiledDistance"], "base": base})


def test_one_yaml_is_asked_once_and_its_folder_is_read_again(config, workspace, capsys):
    args = ("audit", "--config", config)
    run([*args, "--dry-run"])
    assert "target: 80 records, 80 missing queries" in capsys.readouterr().out
    run(args)
    said = capsys.readouterr().out
    assert "were reproduced by the model from their own captions" in " ".join(said.split())
    folder = workspace.root / "runs/extraction"
    numbers = json.loads((folder / "audit.json").read_text())
    assert numbers["cost"]["by_target"]["base"]["queries"] == 80
    run(["report", str(folder), "--gallery"])
    assert run(["validate", str(folder)]) is None
    run(args)
    assert json.loads((folder / "audit.json").read_text())["cost"]["queries"] == 0


def test_commands_of_membership_say_that_they_are_not_for_it(config, failure):
    assert "not for audits of people or of copies" in failure(
        "audit", "--config", config, "--fail-if", "dAUC.hi > 0.05"
    )
