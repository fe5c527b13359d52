"""Pages that claim to be complete: which attack when, what each verdict means, what has not been run."""

import re
from pathlib import Path

from lit_mia.metrics.evidence import KINDS

ROOT = Path(__file__).parent.parent


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_attack_can_be_chosen():
    told = set(re.findall(r"\(attacks/(\w+)\.md\)", page("choosing.md")))
    assert told == {path.stem for path in (ROOT / "docs/attacks").glob("*.md")}


def test_every_verdict_is_explained():
    rows = re.findall(r"^\| ([a-z][a-z ]+?) \|", page("evidence.md"), re.MULTILINE)
    assert {kind.split(" (")[0] for kind in KINDS} <= set(rows)


def test_every_config_that_was_not_run_is_named():
    files = (ROOT / "configs").rglob("*.yaml")
    marked = {f"{f.parent.name}/{f.stem}" for f in files if "Not run here" in f.read_text(encoding="utf-8")}
    table = page("not_run.md").split("## Shipped configs")[1].split("\n\n")[2]
    assert set(re.findall(r"`(\w+/\w+)`", table)) == marked
