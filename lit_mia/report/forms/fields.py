"""JSON objects that hold the fields of several Python types, and values that have a range."""

from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Limits:
    """What a value keeps to.

    Attributes:
        minimum: It is not below this.
        maximum: It is not above this.
        pattern: A regular expression that is found in it.
        items: It is a list of so many.
    """

    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    items: int | None = None

    def keywords(self) -> dict[str, Any]:
        """The same in the words of JSON Schema."""
        said = {"minimum": self.minimum, "maximum": self.maximum, "pattern": self.pattern}
        said |= {"minItems": self.items, "maxItems": self.items}
        return {keyword: limit for keyword, limit in said.items() if limit is not None}


Count = Annotated[int, Limits(minimum=0)]
Amount = Annotated[float, Limits(minimum=0)]
Share = Annotated[float, Limits(minimum=0, maximum=1)]
"""A rate, an AUC or a p-value."""
Change = Annotated[float, Limits(minimum=-1, maximum=1)]
"""A difference of two shares."""
Ends = Annotated[list[float], Limits(items=2)]
"""A 95 % interval."""
ShareEnds = Annotated[list[Share], Limits(items=2)]
Day = Annotated[str, Limits(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Digest = Annotated[str, Limits(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Fields:
    """An object with the fields of dataclasses and typed dicts.

    Attributes:
        name: What the schema calls it.
        types: The types; a field of a later one takes the place of an earlier one of its name.
        without: Fields that the file does not hold.
        is_open: Whether there may be fields that no type declares, such as those of columns of a plugin.
        schema: What the field `schema` says, by which a file is known; empty of what is no whole file.
    """

    name: str
    types: tuple[type, ...]
    without: frozenset[str] = frozenset()
    is_open: bool = False
    schema: str = ""
