"""The code of the guides, as the files that a reader makes of it."""

import re
from pathlib import Path

GUIDES = Path(__file__).parents[1] / "docs/guides"


def written_files(guide: str, folder: Path) -> None:
    """Write every block of a guide whose first line names a file into a folder."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    for name, code in re.findall(
        r"^```(?:python|yaml)\n# (\w+\.(?:py|yaml))\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    ):
        (folder / name).write_text(code, encoding="utf-8")
