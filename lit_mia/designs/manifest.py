"""What a design holds, who was drawn, and the commitment to it that can be published before training."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, final, get_args

from lit_mia.designs.coins import is_drawn, salt_of
from lit_mia.errors import DesignError
from lit_mia.files import replacing
from lit_mia.reasons import listed

FORMAT = "lit-mia/design/1"
TRAIN, HOLDOUT, SECRET = "train", "holdout", "secret"
"""Folders of a design: what to train on, what to keep out, and what the trainer must not see."""
COINS = Path(SECRET, "coin.json")
PUBLIC = Path("design.json")
FAIR = 0.5
"""The only `include` from which a bound on ε follows."""

Kind = Literal["record", "token", "permuted", "synthetic"]


@final
@dataclass(frozen=True)
class WrittenFile:
    """A file of a design.

    Attributes:
        path: Its place in the folder of the design, e.g. `train/0f….png`.
        sha256: SHA-256 of its bytes, hex.
    """

    path: str
    sha256: str


@final
@dataclass(frozen=True)
class Entry:
    """One record or canary of a design.

    Attributes:
        id: Unique name: that of the record, or of the canary.
        group: The group whose coin decides; near-duplicates have one.
        included: Whether it is in `train/`.
        kind: `record`, or the kind of canary.
        copies: How many files it has in `train/` if it is included; 0 if it is never inserted.
        control: Whether it is a canary that is never inserted.
        key: The random words that stand first in the caption of a `token` or `synthetic` canary, and nowhere else.
        caption: The text beside the image.
        pixels: SHA-256 of `{width}x{height}` and the RGB bytes, hex.
        files: Its files, in `train/` or in `holdout/`; one in `holdout/`, whatever its copies.
    """

    id: str
    group: str
    included: bool
    kind: Kind
    copies: int
    control: bool
    key: str | None
    caption: str | None
    pixels: str
    files: tuple[WrittenFile, ...] = ()


@final
@dataclass(frozen=True)
class Manifest:
    """A design, as `secret/coin.json` holds it.

    Attributes:
        seed: What the coins follow from.
        salt: Hex; follows from the seed. Without it the commitment cannot be opened, and file names say nothing.
        include: Probability of each coin.
        layout: How `train/` is laid out.
        entries: Records and canaries, sorted by id.
    """

    seed: str
    salt: str
    include: float
    layout: str
    entries: tuple[Entry, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The design in a folder.

        Raises:
            DesignError: If it is missing or unfinished, is of another format, is not what `design.json` commits to and
                says, or holds coins that do not follow from its seed.
        """
        content, public = _bytes(folder / COINS), _mapping(folder / PUBLIC)
        manifest = cls._parsed(folder / COINS, _mapping(folder / COINS))
        if _commitment(manifest.salt, content) != public.get("commitment"):
            raise DesignError(
                f"{folder / COINS} is not what {folder / PUBLIC} commits to: one of them was changed after the coins "
                "were drawn, so nothing follows from them. Restore both from where you published or saved them."
            )
        wrong = sorted(key for key, value in manifest.public().items() if public.get(key) != value)
        if wrong:
            raise DesignError(
                f"{folder / PUBLIC} says another {', '.join(wrong)} than {folder / COINS}, so it was changed after the "
                "coins were drawn. Restore it from where you published or saved it."
            )
        manifest._check_coins(folder / COINS)
        return manifest

    @property
    def sides(self) -> tuple[int, int]:
        """How many entries are in, and how many out."""
        included = sum(entry.included for entry in self.entries)
        return included, len(self.entries) - included

    @property
    def commitment(self) -> str:
        """SHA-256 of the salt's bytes and the bytes of `secret/coin.json`, hex."""
        return _commitment(self.salt, self._bytes())

    def write(self, folder: Path) -> None:
        """Write `secret/coin.json`, then `design.json`."""
        for path, content in ((COINS, self._bytes()), (PUBLIC, _json(self.public()))):
            with replacing(folder / path) as temporary:
                temporary.write_bytes(content)

    def public(self) -> dict[str, Any]:
        """What `design.json` holds: nothing that tells who is in."""
        canaries: dict[str, Counter[str]] = {}
        for entry in self.entries:
            if entry.kind != "record":
                canaries.setdefault(entry.kind, Counter())[str(entry.copies)] += 1
        return {
            "format": FORMAT,
            "commitment": self.commitment,
            "include": self.include,
            "layout": self.layout,
            "files": sum(len(entry.files) for entry in self.entries if entry.included),
            "records": sum(entry.kind == "record" for entry in self.entries),
            "groups": len({entry.group for entry in self.entries}),
            "canaries": canaries,
        }

    def _check_coins(self, path: Path) -> None:
        """Refuse coins that somebody chose and committed to."""
        chosen = [
            entry.id
            for entry in self.entries
            if entry.included != (not entry.control and is_drawn(self.seed, entry.group, self.include))
        ]
        if chosen or self.salt != salt_of(self.seed):
            raise DesignError(
                f"{path} is not what its seed gives ({listed(chosen) or 'its salt is another'}): it was changed, and "
                "committed to anew, or somebody chose instead of the coins, so nothing follows from it. Restore it "
                f"and {PUBLIC} from where you saved them."
            )

    def _bytes(self) -> bytes:
        return _json({"format": FORMAT, **asdict(self)})

    @classmethod
    def _parsed(cls, path: Path, content: Mapping[str, Any]) -> Self:
        if content.get("format") != FORMAT:
            raise DesignError(f"{path} has the format {content.get('format')!r}, but {FORMAT!r} is what can be read.")
        try:
            values = {key: value for key, value in content.items() if key != "format"}
            manifest = cls(**values | {"entries": tuple(_entry(**item) for item in values["entries"])})
            bytes.fromhex(manifest.salt)
        except (KeyError, TypeError, ValueError) as error:
            raise DesignError(f"{path} is not a design's: {error}. Restore it, or make the design anew.") from error
        return manifest


def _entry(*, kind: Kind, files: list[dict[str, str]], **values: Any) -> Entry:
    if kind not in get_args(Kind):
        raise ValueError(f"an entry is of the kind {kind!r}, which is none of {', '.join(get_args(Kind))}")
    return Entry(kind=kind, files=tuple(WrittenFile(**file) for file in files), **values)


def _commitment(salt: str, content: bytes) -> str:
    return hashlib.sha256(bytes.fromhex(salt) + content).hexdigest()


def _json(content: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)}\n".encode()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DesignError(
            f"{path} cannot be read ({error.strerror}), so there is no finished design. `lit-mia design` makes one, "
            "and goes on with one that was interrupted."
        ) from error


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_bytes(path))
    except ValueError as error:
        raise DesignError(f"{path} cannot be read as JSON ({error}). Restore it, or make the design anew.") from error
    if not isinstance(content, dict):
        raise DesignError(f"{path} holds no mapping. Restore it, or make the design anew.")
    return content
