"""CHANGELOG.md has the form of Keep a Changelog 1.1.0."""

import re
from itertools import groupby
from pathlib import Path

TEXT = (Path(__file__).parent.parent / "CHANGELOG.md").read_text(encoding="utf-8")
VERSIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
RELEASED = re.compile(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d{2}-\d{2}")


def heading(version: str) -> str:
    return version.splitlines()[0]


def test_the_newest_version_is_unreleased_and_the_others_have_a_date_and_fall():
    assert TEXT.startswith("# Changelog\n")
    first, *released = map(heading, VERSIONS)
    assert first == "[Unreleased]"
    matches = [RELEASED.fullmatch(version) for version in released]
    assert all(matches), released
    numbers = [tuple(map(int, match.groups())) for match in matches if match]
    assert numbers == sorted(set(numbers), reverse=True)


def test_changes_stand_under_their_kind_each_once_and_in_order():
    for version in VERSIONS:
        kinds = re.findall(r"^### (.*)$", version, re.MULTILINE)
        assert [kind for kind in KINDS if kind in kinds] == kinds, heading(version)


def test_every_line_is_a_change():
    for version in VERSIONS:
        lines = [line for line in version.splitlines()[1:] if line and not line.startswith("### ")]
        assert [line for line in lines if not line.startswith(("- ", "  "))] == []
        for _, same in groupby(sorted(line for line in lines if line.startswith("- "))):
            assert len([*same]) == 1
