"""What docs/gate.md says of conditions and of GitHub Actions is so."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from lit_mia.report.membership.gate import QUANTITIES, read_condition

TEXT = (Path(__file__).parents[4] / "docs/gate.md").read_text(encoding="utf-8")
PUBLISHED = {"actions/checkout@v4", "actions/setup-python@v5", "actions/cache@v4", "actions/upload-artifact@v4"}


def marked(names):
    return ", ".join(f"`{name}`" for name in names)


def test_the_table_has_every_quantity_with_its_ends():
    table = TEXT.partition("<!-- quantities -->\n")[2].partition("<!-- /quantities -->")[0].splitlines()[2:]
    assert table == [
        f"| {marked(n for n, end in zip(of.names, of.ends, strict=True) if not end)} "
        f"| {marked(n for n, end in zip(of.names, of.ends, strict=True) if end)} | {of.meaning} |"
        for of in QUANTITIES
    ]


def test_every_condition_that_is_advised_can_be_read():
    shown = re.findall(r'--fail-if "([^"]+)"', TEXT)
    advised = TEXT.partition("## Which condition")[2].partition("How many records")[0]
    in_table = re.findall(r"`([^` ]+ (?:>|==|!=) [^`]+)`", advised)
    assert len(shown) == 5
    assert len(in_table) == 9
    for text in [*shown, *in_table]:
        read_condition(text)


def test_the_workflow_runs_the_command_and_keeps_its_files():
    workflow = yaml.safe_load(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1])
    assert workflow[True]["pull_request"]["paths"]  # YAML 1.1 reads `on` as a truth value; GitHub does not
    (job,) = workflow["jobs"].values()
    steps = job["steps"]
    assert {step["uses"] for step in steps if "uses" in step} == PUBLISHED
    (command,) = [shlex.split(step["run"]) for step in steps if step.get("name") == "audit"]
    assert command[:4] == ["lit-mia", "audit", "--config", "audit.yaml"]
    conditions = [text for option, text in pairwise(command) if option == "--fail-if"]
    assert [str(read_condition(text)) for text in conditions] == ["dAUC.hi > 0.05", 'verdict == "confounded"']
    kept = steps[-1]
    assert kept["if"] == "always()"
    assert kept["with"]["path"].split() == ["gate.xml", command[command.index("--output") + 1]]


@pytest.mark.parametrize("code", ["0", "1", "2"])
def test_each_exit_status_is_told(code):
    assert re.search(rf"^\| {code} \| ", TEXT, re.MULTILINE)
