"""What the folder of any result holds, and how it is written and read."""

import pytest

from lit_mia.errors import ReportError
from lit_mia.report.base import read_numbers


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not readable as JSON"), ("[]", "JSON object"), ('{"a": {"b": 1, "b": 2}}', "'b' stands twice in one")],
)
def test_damaged_file(tmp_path, text, message):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(ReportError, match=message):
        read_numbers(tmp_path)


def test_missing_file(tmp_path):
    with pytest.raises(ReportError, match="no report"):
        read_numbers(tmp_path)
