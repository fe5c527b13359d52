"""Records of a design that `lit-mia design` wrote, read back after the training."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal, final

from datamodules.sources.base import RecordSource, StatedDesign
from datamodules.sources.decoding import open_rgb
from datamodules.sources.places import with_home
from datamodules.sources.training_folder import told_scan
from lit_mia.designs.manifest import HOLDOUT, TRAIN, Entry, Manifest
from lit_mia.designs.statements import told_statements
from lit_mia.designs.survival import files_of
from lit_mia.designs.tokens import told_cuts
from lit_mia.errors import DesignError
from lit_mia.models.files import shipped
from lit_mia.ranges import at_least, check
from lit_mia.reasons import listed
from lit_mia.records import MEMBER, NON_MEMBER, Records


@final
class DesignSource(RecordSource):
    """The records or the canaries of a design, and the design of the audit with them.

    Opens the commitment and compares every file of the training folder, and every caption in its list, with what the
    coins decided: a file that was dropped, changed, resized, duplicated or added since is named and refused. What
    leaves no trace in the folder is taken from the trainer's log or from you, and what is not known is said in the
    report.

    Args:
        folder: The folder that `lit-mia design` wrote.
        commitment: What was published before the training; compared with the design.
        train_dir: The folder that the model was trained on; `train` of the design if not given.
        part: `records`: those that a coin let in or kept out. `canaries`: those that were made for the audit; the
            never inserted ones are non-members.
        copies: Only canaries that were inserted this often, and those that never were; null: all.
        examples: How many examples the trainer says it used.
        log: File of the trainer's output, as diffusers' scripts write it, with `Num examples = …`.
        tokenizer: The trainer's tokenizer: the folder of a pipeline or of a tokenizer, a hub id, or `shipped:<name>`.
            Counts the captions that it cuts, and refuses canaries whose random words it cuts.
    """

    def __init__(
        self,
        folder: str,
        commitment: str | None = None,
        train_dir: str | None = None,
        part: Literal["records", "canaries"] = "records",
        copies: int | None = None,
        examples: int | None = None,
        log: str | None = None,
        tokenizer: str | None = None,
    ) -> None:
        if copies is not None and part == "records":
            raise DesignError(f"`copies: {copies}` chooses among canaries. Set `part: canaries`, or leave it out.")
        check(DesignError, at_least(1)(copies=copies), at_least(0)(examples=examples))
        self.folder, self.commitment = with_home(folder), commitment
        self.train_dir = self.folder / TRAIN if train_dir is None else with_home(train_dir)
        self.part, self.copies = part, copies
        self.examples, self.log, self.tokenizer = examples, log, tokenizer

    @property
    def design(self) -> StatedDesign:
        """The coins, and what was checked of them.

        Raises:
            DesignError: If the commitment cannot be opened, or what the model was trained on is not what it says.
        """
        return self._design

    def load(self) -> Records:
        """The records as the coins drew them, in the order of their ids.

        Raises:
            DesignError: See `design`.
        """
        _ = self.design
        entries = self._entries
        places = [self._place(entry) for entry in entries]
        return Records(
            ids=tuple(entry.id for entry in entries),
            captions=tuple(entry.caption for entry in entries),
            members=tuple(MEMBER if entry.included else NON_MEMBER for entry in entries),
            groups=tuple(entry.group for entry in entries),
            open_image=lambda row: open_rgb(places[row]),
            stamps=tuple(entry.pixels for entry in entries),
            grouped=True,
        )

    def _place(self, entry: Entry) -> Path:
        """The first of an entry's files."""
        path = entry.files[0].path
        return self.train_dir / path.removeprefix(f"{TRAIN}/") if entry.included else self.folder / path

    @cached_property
    def _manifest(self) -> Manifest:
        manifest = Manifest.read(self.folder)
        if self.commitment is not None and self.commitment.strip().lower() != manifest.commitment:
            raise DesignError(
                f"The design in {self.folder} has the commitment {manifest.commitment}, but {self.commitment} was "
                "published. Audit the design that was published, or mend `commitment`."
            )
        return manifest

    @cached_property
    def _entries(self) -> list[Entry]:
        """The part of the design that is audited."""
        of_part = [entry for entry in self._manifest.entries if (entry.kind == "record") == (self.part == "records")]
        tiers = sorted({entry.copies for entry in of_part if not entry.control})
        if not of_part or self.copies not in (None, *tiers):
            raise DesignError(
                f"The design in {self.folder} holds no {self.part}"
                f"{'' if not of_part else f' of {self.copies} copies, only of {listed(list(map(str, tiers)))}'}. "
                "Choose another part, or make a design that has them."
            )
        return [entry for entry in of_part if self.copies in (None, entry.copies) or entry.control]

    @cached_property
    def _design(self) -> StatedDesign:
        manifest, entries, canaries = self._manifest, self._entries, self.part == "canaries"
        training = len(files_of(manifest.entries, TRAIN))
        tokenizer = None if self.tokenizer is None else shipped(self.tokenizer)
        verified = self.commitment is not None  # the scan below refuses what was not trained on as drawn
        sentences = (
            _told_coin(manifest, published=verified),
            told_scan(manifest, self.train_dir, self.folder / HOLDOUT),
            *told_statements(training, self.examples, None if self.log is None else _text(with_home(self.log))),
            told_cuts(tokenizer, entries),
        )
        coins = {entry.id: entry.group for entry in entries if not entry.control}
        stated = StatedDesign("randomized_split", sentences, verified, coins=coins, include=manifest.include)
        if not canaries:
            return stated
        copies = {entry.id: entry.copies for entry in entries}
        return replace(stated, kind="canary", sentences=(*sentences, _told_canaries(entries)), copies=copies)


def _told_coin(manifest: Manifest, published: bool) -> str:
    shown = (
        "is the one that was published"
        if published
        else "was not compared with a published one, so that it is older than the model is taken on trust"
    )
    return (
        f"One coin per group of near-duplicates ({manifest.include:g} in) decided who is trained on. The commitment "
        f"{manifest.commitment} opens, and {shown}. Whether other designs were drawn before this one is not known."
    )


def _told_canaries(entries: Sequence[Entry]) -> str:
    tiers = Counter(entry.copies for entry in entries if not entry.control)
    told = ", ".join(f"{count} with copies = {copies}" for copies, count in sorted(tiers.items()))
    return (
        f"Canaries: {told}, each let in or kept out by its coin, and {sum(entry.control for entry in entries)} never "
        "inserted. Copies void a one-record ε: what is learned of a record with several copies bounds nothing for one "
        "that stands in the data once, and all tiers together are a test of duplication."
    )


def _text(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DesignError(f"The log {log} cannot be read ({error.strerror}). Mend `log`, or leave it out.") from error
