"""Pages show what docs/results holds, and every result says where it comes from."""

import json
import re
import sys

import pytest
from documents import PAGES, ROOT

sys.path.append(str(ROOT / "scripts"))

import docs_tables

FOUND = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(docs_tables.RESULTS.glob("*.json"))}
RESULTS = [path for path, found in FOUND.items() if "config" in found]
TABLES = {path: path.read_text(encoding="utf-8") for path in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_shows_what_was_measured(path):
    text = TABLES[path]
    assert docs_tables.rewritten(text) == text, "`python scripts/docs_tables.py` writes the tables."


def test_a_number_that_differs_is_noticed():
    text = TABLES[ROOT / "README.md"]
    first = re.search(r"0\.\d{3} \[", text)[0]
    assert docs_tables.rewritten(text.replace(first, "0.999 [", 1)) == text


def test_a_config_is_shown_with_its_own_result():
    lines = {line.split("`")[1]: line for line in docs_tables.configs("").splitlines() if line.startswith("| `")}
    assert "leakage beyond controls" in lines["audit/openmoji"]
    assert lines["design/openmoji"].endswith("|  |  |")
    assert lines["ablation/auxiliary_fraction_fine_tuned"].endswith("| [tables](../transfer.md) |")
    assert len(lines) == len(docs_tables.runnable())


def test_every_block_is_closed():
    for path, text in TABLES.items():
        ends = re.findall(r"<!-- (/?)([a-z]+)(?:: .*?)? -->", text)
        ends = [(slash, kind) for slash, kind in ends if kind in docs_tables.BLOCKS]
        assert [kind for slash, kind in ends if not slash] == [kind for slash, kind in ends if slash], path
        assert [bool(slash) for slash, _ in ends] == [False, True] * (len(ends) // 2), path


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_says_where_it_comes_from(path):
    found = FOUND[path]
    assert set(found["measured"]) == {"date", "commit", "how", "busy"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", found["measured"]["date"])
    assert found["versions"]
    assert ("rows" in found) != ("tables" in found)
    assert path.stat().st_size < 60_000
