"""Which column of a table holds what."""

from collections.abc import Mapping, Sequence

from datamodules.sources.rows import Columns, check_columns
from lit_mia.errors import RecordError

ColumnNames = Mapping[str, str | None]
"""What a column holds → its name; None: what it holds does not count."""

_USUAL = {
    "image": ("image", "img", "file_name", "path"),
    "caption": ("caption", "text", "prompt"),
    "member": ("member",),
    "id": ("id",),
    "group": ("group",),
}
"""What a column holds → what it is usually called; the first that is there is taken."""


def found_columns(present: Sequence[str], given: ColumnNames, what: str) -> Columns:
    """Which column holds what: as it is given, or else by the names that are usual.

    Args:
        present: Names of the columns that there are.
        given: What the user says.
        what: What an error calls the table.

    Raises:
        RecordError: If a column is given that is not there, there is none of images, or a name of a kind is unknown.
    """
    odd = sorted(given.keys() - _USUAL.keys(), key=str)
    if odd:
        raise RecordError(
            f"`columns` may name the column of {', '.join(_USUAL)}, but names one of {', '.join(map(str, odd))}."
        )
    usual = {kind: next((name for name in names if name in present), None) for kind, names in _USUAL.items()}
    found = {**usual, **given}
    check_columns(what, list(found.values()), present)
    if found["image"] is None:
        raise RecordError(
            f"There is no column of images in {what} that is called {', '.join(_USUAL['image'])}; it has "
            f"{list(present[:20])}. Name it: `columns={{'image': ...}}`; so for caption, member, id and group."
        )
    return Columns(
        image=found["image"], caption=found["caption"], member=found["member"], id=found["id"], group=found["group"]
    )
