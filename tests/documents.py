"""The pages of the documentation: README.md and docs, and the blocks of code in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(
    r"^(?:<!-- (?P<mark>unchecked|executed)(?:: (?P<reason>.*?))? -->\n\n?)?"
    r"(?P<space> *)```(?P<language>\S*).*?\n(?P<text>.*?)^(?P=space)```",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: The page, as its path in the repository.
        line: Where it begins.
        language: What its fence says.
        text: The code.
        mark: `unchecked` or `executed`, if a comment above it says so.
        reason: Why it is not checked.
    """

    page: str
    line: int
    language: str
    text: str
    mark: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    whole = path.read_text(encoding="utf-8")
    for found in FENCED.finditer(whole):
        space = found["space"]
        yield Block(
            page=str(path.relative_to(ROOT)),
            line=whole.count("\n", 0, found.start("language")) + 1,
            language=found["language"],
            text="".join(line.removeprefix(space) for line in found["text"].splitlines(keepends=True)),
            mark=found["mark"] or "",
            reason=found["reason"] or "",
        )


BLOCKS = [block for path in PAGES for block in blocks_of(path)]


def prose_of(path: Path) -> str:
    """A page without its blocks of code and comments."""
    return re.sub(r"<!--.*?-->", "", FENCED.sub("", path.read_text(encoding="utf-8")), flags=re.DOTALL)
