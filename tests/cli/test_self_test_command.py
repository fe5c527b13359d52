"""`lit-mia selftest`: from the config of an audit to how often its verdict is wrong, in the audit's own folder."""

import json

import pytest

from lit_mia.main import run

pytestmark = pytest.mark.slow
EFFORT = ("--permutations", "2", "--planted", "0", "--apart", "0", "--workers", "1")
COUNTED = {"attacks": ["model.yaml"], "budget.seeds": 1, "budget.max_epochs": 1}


def test_the_report_of_an_audit_shows_the_self_test_of_its_configuration(workspace, capsys):
    config, folder = workspace.changed("audit.yaml", COUNTED), workspace.root / "runs/changed-audit"
    run(["audit", "--config", config])
    page = folder / "report.html"
    assert "Self-test: not run" in page.read_text()
    run(["selftest", "--config", config, *EFFORT])
    said = capsys.readouterr().out
    assert "3 of 3 audits" in said
    assert "labels are permuted" in said
    assert "Numbers: runs/changed-audit/selftest.json" in said
    assert "Report:  runs/changed-audit/report.html" in said
    assert "labels are permuted" in page.read_text()
    found = json.loads((folder / "selftest.json").read_text())
    (nothing,) = found["trials"]
    assert (nothing["planted"], nothing["repetitions"], nothing["attacks"]) == ("nothing", 2, ["II-S"])
    assert sum(nothing["verdicts"].values()) == 2
    saved = str(folder / "audit.yaml")  # as the last line of an audit says
    run(["selftest", "--config", saved, "--output", "runs/changed-audit", *EFFORT])
    assert "3 of 3 audits were made before." in capsys.readouterr().out
    again = json.loads((folder / "selftest.json").read_text())
    own = {"created": None, "name": None}  # it is called after its config
    assert again | own == found | own
    run(["audit", "--config", workspace.changed("audit.yaml", COUNTED | {"budget.max_epochs": 2})])
    assert "labels are permuted" not in page.read_text()
    assert "Self-test: not run" in page.read_text()


def test_a_self_test_needs_no_audit_before(workspace, capsys):
    run(["selftest", "--config", workspace.changed("audit.yaml", COUNTED), "--output", "own", *EFFORT])
    said = capsys.readouterr().out
    assert "Numbers: own/selftest.json" in said
    assert "Report:" not in said
    assert {path.name for path in (workspace.root / "own").iterdir()} == {"selftest.json", "selftest.jsonl"}


def test_what_is_no_audit_of_records_is_refused(workspace, failure):
    workspace.write("sweep.yaml", {"audit": "audit.yaml", "points": []})
    assert "Run `lit-mia sweep` with it" in failure("selftest", "--config", "sweep.yaml")
    people = failure("selftest", "--config", "audit/idia_demo")
    assert "tests audits of records, such as audit/quickstart, not of people" in people


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--config", "audit.yaml", "--permutations", "0"], "`permutations` of a self-test must be at least 1"),
        (["--config", "audit.yaml", "--workers", "0"], "`workers` of a self-test must be at least 1"),
        ([], "needs `--config FILE`"),
    ],
)
def test_what_would_test_nothing_is_refused_before_anything_is_asked(workspace, failure, given, message):
    assert message in failure("selftest", *given)
    assert not (workspace.root / "store").exists()
    assert not (workspace.root / "runs").exists()


def test_options_that_there_are_not_are_refused(workspace, capsys):
    for given, message in (("--planted=many", 'Parser key "planted"'), ("--repetitions=3", "--repetitions=3")):
        with pytest.raises(SystemExit):
            run(["selftest", "--config", "audit.yaml", given])
        assert message in capsys.readouterr().err


def test_a_dry_run_counts_and_asks_nothing(workspace, capsys):
    assert run(["selftest", "--config", "audit.yaml", "--dry-run"]) is None
    said = capsys.readouterr().out
    assert "target: 80 records, 80 missing queries" in said
    assert "placebo: 80 records, 80 missing queries" in said
    assert said.endswith("Nothing was asked.\n")


def test_help_says_how_much_can_be_done(workspace, capsys):
    with pytest.raises(SystemExit):
        run(["selftest", "--config", "audit.yaml", "--help"])
    said = capsys.readouterr().out
    for option in ("permutations", "planted", "apart", "seeds", "workers"):
        assert f"--{option}" in said
