"""The pages of docs/attacks: each attack has one, and what it says of switches and blocks is what the code says."""

import inspect
import re
from pathlib import Path

import pytest
import yaml

import lit_mia.attacks
import lit_mia.attacks.calibration
import lit_mia.attacks.copying.measures
import lit_mia.attacks.statistics
from lit_mia.attacks import Attack, AuditedAttack
from lit_mia.attacks.calibration import CalibratedAttack
from lit_mia.attacks.copying.measures import CopyMeasure
from lit_mia.attacks.statistics import StatisticAttack
from lit_mia.blocks import find_config

PAGES = sorted((Path(__file__).parent.parent / "docs/attacks").glob("*.md"))
TEXTS = {page.stem: page.read_text(encoding="utf-8") for page in PAGES}
SECTIONS = ("## Switches", "## The official code", "## Run it", "## Measured")
MODULES = (
    lit_mia.attacks,
    lit_mia.attacks.statistics,
    lit_mia.attacks.calibration,
    lit_mia.attacks.copying.measures,
)
BASES = (AuditedAttack, Attack, StatisticAttack, CalibratedAttack, CopyMeasure)


def is_audited(made: object) -> bool:
    """Whether it is a concrete attack, or a measure of copies; controls are called blind."""
    return (
        inspect.isclass(made)
        and issubclass(made, (AuditedAttack, CopyMeasure))
        and not inspect.isabstract(made)
        and made not in BASES
        and "Blind" not in made.__name__
    )


ATTACKS = {name: made for module in MODULES for name, made in vars(module).items() if is_audited(made)}


def told_defaults(name: str) -> dict[str, object]:
    """Switch → default, as the one page with a table of this class says."""
    tables = [
        re.findall(rf"^Switches of `{name}`:\n\n(.*?)(?:\n\n|\Z)", text, re.DOTALL | re.M) for text in TEXTS.values()
    ]
    (table,) = [table for found in tables for table in found]
    rows = [line.split(" | ", 2) for line in table.splitlines()[2:]]
    assert all(len(row) == 3 and len(row[2]) > 10 for row in rows)
    return {switch.strip("| `"): default.strip() for switch, default, _ in rows}


def test_all_kinds_of_attacks_are_looked_for():
    assert len(ATTACKS) == 6 + 1 + 14 + 4 + 1 + 3, sorted(ATTACKS)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_a_page_tells_every_switch_with_its_default(name):
    signature = inspect.signature(ATTACKS[name]).parameters
    told = told_defaults(name)
    assert list(told) == list(signature)
    for switch, parameter in signature.items():
        if parameter.default is inspect.Parameter.empty:
            assert told[switch] == "required"
        elif switch == "templates":
            assert told[switch] == f"the {len(parameter.default)} of the paper"
        else:
            default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
            assert yaml.safe_load(told[switch].strip("`")) == default, switch


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_a_page_has_its_parts_in_order(page):
    text = TEXTS[page]
    assert re.findall(r"^## .*", text, re.MULTILINE) == list(SECTIONS)
    assert "https://arxiv.org/abs/" in text
    assert "lit-mia audit --config" in text


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_the_blocks_that_a_page_names_are_shipped(page):
    blocks = re.findall(r"`((?:attack|statistic|calibration|head|audit)/\w+)`", TEXTS[page])
    assert blocks or page == "extraction"
    for block in blocks:
        assert find_config(block).is_file()


def test_marked_tables_are_closed():
    for text in TEXTS.values():
        opened, closed = re.findall(r"<!-- attack: (.+?) -->", text), re.findall(r"<!-- /attack: (.+?) -->", text)
        assert opened == closed
        assert len(set(opened)) == len(opened)
