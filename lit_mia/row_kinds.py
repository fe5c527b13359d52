"""What a row of a report can be: an attack, the target, or a kind of control; how each looks and what it is."""

from dataclasses import dataclass

from lit_mia.registry import Registry

Dash = str | tuple[float, tuple[float, ...]]
"""A line style of matplotlib."""


@dataclass(frozen=True)
class RowKind:
    """A kind of row.

    Attributes:
        name: What JSON, tables and legends call it.
        sentence: What a control of this kind sees, for the reader of the page; empty for what is no control.
        colour: On white paper, `#rrggbb`.
        dark: On dark paper.
        marker: A marker of matplotlib.
        dash: A line style of matplotlib.
    """

    name: str
    sentence: str
    colour: str
    dark: str
    marker: str
    dash: Dash

    @property
    def variable(self) -> str:
        """Its colour's CSS variable, without the dashes in front."""
        return f"kind-{self.name.replace(' ', '-')}"


# Colours after Okabe and Ito, darkened for white paper.
ROW_KINDS: Registry[RowKind] = Registry(
    "kind of row",
    (
        RowKind("attack", "", "#0a64a8", "#6cb6f0", "o", "-"),
        RowKind("blind", "sees the query image or caption alone", "#c8551b", "#f0935c", "s", (0, (5, 2))),
        RowKind("caption", "sees the caption alone, as an embedding", "#0b7d61", "#4fc7a5", "^", (0, (1, 1.4))),
        RowKind("n-grams", "sees the characters of the caption alone", "#3f7d1f", "#9fd07a", "v", (0, (3, 1.4))),
        RowKind(
            "joint",
            "sees the query image and its caption, and how well they fit, without the target",
            "#b3262b",
            "#f58a8d",
            "X",
            (0, (7, 2)),
        ),
        RowKind(
            "metadata",
            "sees size, file type, compression and length of the caption alone",
            "#5c6670",
            "#b4bec8",
            "d",
            (0, (1, 3)),
        ),
        RowKind(
            "placebo",
            "is the attack on the answers of a model that was trained on neither side",
            "#9a4a8c",
            "#d791c9",
            "D",
            (0, (5, 2, 1, 2)),
        ),
        RowKind(
            "round trip",
            "compares the image with what a latent target's autoencoder makes of it, without the denoiser",
            "#8f6c00",
            "#d9bc4a",
            "P",
            (0, (5, 2, 1, 2, 1, 2)),
        ),
        RowKind(
            "base",
            "sees what the base, the model before the fine-tuning, says of the records, without the target",
            "#4a3fc4",
            "#8c7bff",
            "*",
            (0, (8, 1.5, 2, 1.5)),
        ),
        RowKind("target", "", "#0a64a8", "#6cb6f0", "o", "-"),
        RowKind(
            "untrained",
            "has random weights and has seen nobody: both rates within what chance allows",
            "#c8551b",
            "#f0935c",
            "s",
            (0, (5, 2)),
        ),
        RowKind(
            "permuted names",
            "learned faces under other people's names: both rates within what chance allows",
            "#0b7d61",
            "#4fc7a5",
            "^",
            (0, (1, 1.4)),
        ),
        RowKind(
            "swapped membership",
            "exchanges members and others: each half, and both must be there, is recognised only by the model trained "
            "on it",
            "#9a4a8c",
            "#d791c9",
            "D",
            (0, (5, 2, 1, 2)),
        ),
    ),
)
"""All kinds; a package outside adds one with `ROW_KINDS.add`."""
