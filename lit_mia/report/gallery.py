"""Pictures of a report, shown only where the user asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from lit_mia.errors import ReportError

_GAP = 8
_PAPER = (255, 255, 255)


@dataclass(frozen=True)
class GalleryItem:
    """A record beside what the target made of its caption.

    Attributes:
        caption: The text the target was given.
        label: 1 member, 0 non-member, -1 unknown.
        score: Score of an attack, higher means more likely a member.
        image: The record's own image.
        generated: The target's image.
    """

    caption: str
    label: int
    score: float
    image: Image.Image
    generated: Image.Image


def contact_sheet(pairs: Sequence[tuple[Image.Image, Image.Image]], columns: int) -> Image.Image:
    """One picture of many pairs, each image above its generation.

    Args:
        pairs: Image and generation; all are drawn at the size of the first image.
        columns: Pairs side by side, at least 1.

    Raises:
        ReportError: If there is no pair, or `columns` is below 1.
    """
    if not pairs or columns < 1:
        raise ReportError(f"A contact sheet needs a pair and a column, but got {len(pairs)} pairs, {columns} columns.")
    width, height = pairs[0][0].size
    columns = min(columns, len(pairs))
    rows = -(-len(pairs) // columns)
    cell = (width + _GAP, 2 * height + 2 * _GAP)
    sheet = Image.new("RGB", (columns * cell[0] + _GAP, rows * cell[1] + _GAP), _PAPER)
    for i, pair in enumerate(pairs):
        left, top = (i % columns) * cell[0] + _GAP, (i // columns) * cell[1] + _GAP
        for j, image in enumerate(pair):
            sheet.paste(image.convert("RGB").resize((width, height)), (left, top + j * height))
    return sheet
