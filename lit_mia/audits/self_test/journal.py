"""What trials have said so far, so that a self-test goes on where it was cut off."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, final

from lit_mia.audits.self_test.trials import Outcome, Trial
from lit_mia.report.membership.self_test_numbers import SELF_TEST


class Done(NamedTuple):
    """An outcome, and how many seconds it took."""

    outcome: Outcome
    seconds: float


@final
class Journal:
    """The outcomes of one configuration, one a line of a file; those of others stay in it.

    Args:
        folder: Folder of the audit; made if it is missing.
        configuration: Key of what is tested.
        seeds: Heads of each attack and control in each trial.
    """

    def __init__(self, folder: Path, configuration: str, seeds: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = (folder / SELF_TEST).with_suffix(".jsonl")
        self._of = {"configuration": configuration, "seeds": seeds}
        self.done = {done.outcome.trial: done for done in self._read()}

    def add(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Write down the outcomes of some trials, which took some seconds together."""
        added = [Done(outcome, seconds / len(outcomes)) for outcome in outcomes]
        lines = [{**self._of, "seconds": of.seconds, "outcome": asdict(of.outcome)} for of in added]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"\n{json.dumps(line)}" for line in lines))  # the last one there may have been cut off
        self.done |= {of.outcome.trial: of for of in added}

    def _read(self) -> Iterable[Done]:
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        return [done for line in lines if (done := self._done(line)) is not None]

    def _done(self, line: str) -> Done | None:
        """What a line says; None if it was cut off, or is of something else."""
        try:
            held: dict[str, Any] = json.loads(line)
            if {name: held[name] for name in self._of} != self._of:
                return None
            told = held["outcome"]
            return Done(Outcome(**{**told, "trial": Trial(**told["trial"])}), float(held["seconds"]))
        except (ValueError, KeyError, TypeError):
            return None
