"""What `selftest.json` holds: how often the verdicts of an audit are wrong, and how often it finds what is planted."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypedDict

from lit_mia.errors import ReportError
from lit_mia.files import write_whole
from lit_mia.report.forms.fields import Amount, Count, Day, Digest, Share

SCHEMA = "lit-mia/selftest/1"
SELF_TEST = "selftest.json"


class Trials(TypedDict):
    """Audits of the same answers whose labels were drawn anew, in one way.

    `planted`: what the labels were drawn by, such as `images`; `nothing` of plain permutations. `told`: the same as a
    sentence. `leak`: whether finding it is right; otherwise "leakage beyond controls" is a false alarm. `strength`: by
    how much the log odds of being a member grow with each standard deviation of it; 0 of nothing. `attacks`: those that
    were audited. `repetitions`: number of audits. `verdicts`: verdict → number of audits. `planted_auc`: mean AUC, on
    test, of what was planted; None of nothing. `attack`, `control`: name of the attack, and of the control or placebo,
    with the largest mean AUC on test, and that; None where there is none. `auc_needed`: mean of the AUC that an attack
    needs to be found four times in five, as reports print it; None where it cannot be said.
    """

    planted: str
    told: str
    leak: bool
    strength: float
    attacks: list[str]
    repetitions: Count
    verdicts: dict[str, Count]
    planted_auc: Share | None
    attack: tuple[str, Share] | None
    control: tuple[str, Share] | None
    auc_needed: Share | None


@dataclass(frozen=True)
class SelfTest:
    """The result of a self-test.

    Attributes:
        configuration: Key of what was tested: configuration, answers, splits and models of an audit.
        name: Name of the audit.
        created: ISO date.
        seconds: Time that all its audits took, resumed ones included.
        seeds: Heads of each attack and control in each of its audits.
        audit_seeds: The same in the audit itself.
        by_coin: Whether a coin decided who is a member.
        trials: The audits, by what was planted: nothing first, then shifts, then leaks by their strength.
        on_placebo: Verdict of the audit where the placebo's answers stand in the place of the target's, with the labels
            as they are; None without a placebo.
        not_planted: Name of what could not be planted → why.
        versions: Package → version.
        schema: Form of the file.
    """

    configuration: Digest
    name: str
    created: Day
    seconds: Amount
    seeds: Count
    audit_seeds: Count
    by_coin: bool
    trials: list[Trials]
    on_placebo: str | None
    not_planted: dict[str, str]
    versions: dict[str, str]
    schema: str = SCHEMA

    @property
    def nulls(self) -> list[Trials]:
        """The audits where nothing was planted."""
        return [of for of in self.trials if not of["strength"]]

    @property
    def shifts(self) -> list[Trials]:
        """Those where something was planted that is no leak."""
        return [of for of in self.trials if of["strength"] and not of["leak"]]

    @property
    def leaks(self) -> list[Trials]:
        """Those where a leak was planted."""
        return [of for of in self.trials if of["leak"]]

    def write(self, folder: Path) -> Path:
        """Write it into the folder of the audit; returns the path."""
        write_whole(folder / SELF_TEST, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")
        return folder / SELF_TEST

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The last self-test in the folder of an audit; None if there is none.

        Raises:
            ReportError: If the file is damaged.
        """
        path = folder / SELF_TEST
        if not path.is_file():
            return None
        try:
            held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if held["schema"] != SCHEMA:
                return None
            for trials in held["trials"]:
                _check(trials)
            return cls(**held)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ReportError(
                f"{path} is no self-test ({error}). Delete it, or run `lit-mia selftest` again."
            ) from None


def _check(trials: Any) -> None:
    """Refuse what cannot be shown.

    Raises:
        KeyError: If something is missing.
        ValueError: If there are no audits, or not as many as verdicts.
    """
    if missing := Trials.__required_keys__ - trials.keys():
        raise KeyError(*sorted(missing))
    counts = trials["verdicts"].values()
    if not sum(counts) == trials["repetitions"] > 0 or min(counts) < 0:
        raise ValueError(f"{trials['repetitions']} audits with {sum(counts)} verdicts")
