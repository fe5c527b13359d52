"""`lit-mia audit --fail-if ...`: what was paid is written before the program ends with 1 or 2."""

import json
from xml.etree import ElementTree

import pytest

from lit_mia.cli.commands import parse
from lit_mia.cli.gating import add_gate
from lit_mia.main import main, run

pytestmark = pytest.mark.slow

COUNTED = {"attacks": ["model.yaml"], "placebo": None, "budget.seeds": 1, "budget.max_epochs": 1}


def test_an_audit_is_written_before_the_gate_ends_the_program(workspace, monkeypatch, capsys):
    config, folder = workspace.changed("audit.yaml", COUNTED | {"fail_if": ["dAUC.hi > 0.05"]}), workspace.root / "runs"
    monkeypatch.setattr(
        "sys.argv", ["lit-mia", "audit", "--config", config, "--fail-if", "AUC >= 1", "--junit", "gate.xml"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().out
    assert "Report:  runs/changed-audit/report.html\n\nNext: Open the report" in said
    assert "\n\nGate not passed (exit 2)" in said
    assert "It cannot be evaluated for II-S: the attacker's tools do not work" in said
    assert "18 members and 14 non-members of test (40 groups in all splits)" in said
    names = {path.name for path in (folder / "changed-audit").iterdir()}
    assert names >= {"audit.json", "report.html", "audit.yaml", "scores.parquet"}
    assert "fail_if" not in json.loads((folder / "changed-audit/audit.json").read_text())["config"]
    shift, auc = ElementTree.parse("gate.xml").getroot().iter("testcase")
    assert (shift[0].tag, auc[0].tag) == ("error", "error")


@pytest.mark.parametrize("first", ["--config", "--fail-if"])
def test_no_condition_of_the_command_line_is_lost_to_those_of_a_config(workspace, first):
    config = workspace.changed("audit.yaml", {"fail_if": ["AUC > 0.9"]})
    given = {"--config": str(config), "--fail-if": "p < 0.05"}
    order = [arg for name in sorted(given, key=lambda name: name != first) for arg in (name, given[name])]
    assert parse("audit", order, further=add_gate).options.fail_if == ["AUC > 0.9", "p < 0.05"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["audit", "--config", "audit.yaml", "--fail-if", "dAUC.high > 0.05"], "Did you mean 'dAUC.hi'?"),
        (["audit", "--config", "audit.yaml", "--fail-if", "AUC > 0.6", "--dry-run"], "`--dry-run` measures nothing"),
        (["audit", "--config", "audit/idia_demo", "--fail-if", "AUC > 0.6"], "not for audits of people"),
        (["sweep", "--config", "ablation/t_sweep", "--fail-if", "AUC > 0.6"], "not for sweeps"),
    ],
    ids=["unknown", "dry run", "people", "sweep"],
)
def test_what_would_tell_nothing_is_refused_before_anything_is_asked(workspace, failure, args, said):
    assert said in failure(*args)
    assert not (workspace.root / "store").exists()
    assert not (workspace.root / "runs").exists()


def test_help_tells_of_the_gate(capsys):
    for command in ("audit", "report"):
        with pytest.raises(SystemExit):
            run([command, "--help"])
        assert "--fail-if" in capsys.readouterr().out
