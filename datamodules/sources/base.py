"""Where records come from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from datamodules.sources.captions import CaptionChoice
from lit_mia.configured import Configured
from lit_mia.cost import Cost, Estimate
from lit_mia.designs.manifest import FAIR
from lit_mia.metrics.evidence import BY_COIN, Design
from lit_mia.records import Records

UNCHECKED = (
    "Coin stated, not checked: it was not compared with a commitment that was published before the training, so an "
    "attack must also beat each control that tells the sides apart."
)


@dataclass(frozen=True)
class StatedDesign:
    """How members came to be members, and on what that rests.

    Attributes:
        kind: The design.
        sentences: Who decided, when and how, and what of it was checked; the report says them.
        verified: Whether the coin was checked: against a published commitment, and by a scan of what was trained on.
        copies: Id → how often a canary was inserted where it was; empty where all records are single.
        coins: Id → the coin that decided about the record, each tossed by itself; empty where these are not known.
        include: Probability that such a coin puts its records in; None where they are not known.
    """

    kind: Design
    sentences: tuple[str, ...] = ()
    verified: bool = False
    copies: Mapping[str, int] = field(default_factory=dict)
    coins: Mapping[str, str] = field(default_factory=dict)
    include: float | None = None

    @property
    def told(self) -> list[str]:
        """What a report says of it: the sentences, and one where a coin was not checked."""
        return [*self.sentences, *([UNCHECKED] if self.kind in BY_COIN and not self.verified else [])]

    @property
    def unbounded(self) -> str | None:
        """Why no bound on ε follows from its coins; None if they are fair, each tossed by itself, and checked."""
        reasons = {
            f"The design is {self.kind.replace('_', ' ')}: no coin that was tossed for each group decided who is a "
            "member.": self.kind not in BY_COIN,
            "The coin is stated, not checked. A design of `lit-mia design` whose commitment was published before the "
            "training, and is given to DesignSource, can be checked.": not self.verified,
            "The source does not tell which coin decided about which record.": not self.coins,
            f"The coins put a group in with a probability of {self.include}; the bound is for fair ones (`include: "
            f"{FAIR}`).": self.include != FAIR,
        }
        return next((reason for reason, applies in reasons.items() if applies), None)


class RecordSource(Configured, ABC):
    """Something that yields a table of records.

    Attributes:
        parts: The sources that this one reads; what is true of a part is true of the whole.
        caption_choice: Which of several captions of a row is used; with `all` one row can make several records.
    """

    parts: tuple["RecordSource", ...] = ()
    caption_choice: CaptionChoice = "first"

    @abstractmethod
    def load(self) -> Records:
        """The table. Images stay unopened until they are asked for.

        Raises:
            RecordError: If the table cannot be read, lacks a column or holds a label that is none.
        """

    @property
    def origin(self) -> str | None:
        """What this is a part of, such as a data set of which it is one split: sources of one origin are one source."""
        return None

    @property
    def shift(self) -> str | None:
        """How members and non-members differ by construction in more than membership; None if they do not.

        An audit of such records must be of the design `post_hoc`, and its report says this sentence.
        """
        return next((part.shift for part in self.parts if part.shift is not None), None)

    @property
    def design(self) -> StatedDesign | None:
        """How members came to be members, if the source itself vouches for it; it never holds for a part alone.

        Raises:
            LitMiaError: If the source finds that what it should vouch for is not so.
        """
        return None

    def estimates(self) -> dict[str, Estimate]:
        """What `load` would ask of models that draw records, by model; empty if nothing is missing."""
        return {name: estimate for part in self.parts for name, estimate in part.estimates().items()}

    def costs(self) -> dict[str, Cost]:
        """What `load` has asked of such models so far, by model."""
        return {name: cost for part in self.parts for name, cost in part.costs().items()}

    @property
    def multiplies(self) -> bool:
        """Whether one row of what is read can make several records."""
        return self.caption_choice == "all" or any(part.multiplies for part in self.parts)
