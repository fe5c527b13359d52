"""What target and base say side by side, and what calibrated attacks and their control make of it."""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from datamodules import StatisticDataModule, Wanted
from lit_mia.attacks.calibration import Calibrated, CalibratedAttack, Learning, base_alone
from lit_mia.attacks.calibration.base import Floats, differing
from lit_mia.attacks.controls import Learned
from lit_mia.attacks.statistics.base import Setting, StatisticAttack, describe
from lit_mia.errors import TargetError
from lit_mia.targets.base import AccessLevel


@final
class Calibration:
    """Asks the base, and scores records by the calibrated attacks of an audit.

    Args:
        data: Records and the target's answers; its base is asked the same.
        attacks: The attacks; without any there is no base.

    Raises:
        TargetError: If there is no base, or it cannot calibrate the target.
    """

    def __init__(self, data: StatisticDataModule, attacks: Sequence[CalibratedAttack]) -> None:
        self._data, self._attacks = data, attacks
        self._controls: dict[tuple[bool, tuple[tuple[str, str], ...]], Learned] = {}
        self.asked = tuple(pair for attack in attacks for pair in attack.asked)
        for level in Wanted(self.asked).levels:
            for target in (data.target, data.base_target):
                target.require(level)

    @property
    def kinds(self) -> set[str]:
        """The kind of its control, if there is one; looks at no records."""
        return {"base"} if self.asked else set()

    def sides(self) -> Mapping[str, StatisticDataModule]:
        """The base, if an attack reads it."""
        return {"base": self._data.base} if self.asked else {}

    def announce(self) -> None:
        """Say what the base will be asked; asks nothing.

        Raises:
            HeadError: If an attack could learn nothing from the answers.
        """
        for attack in self._attacks:
            attack.check(self._learning)
        for base in self.sides().values():
            base.ask(Wanted(self.asked))

    def query(self) -> None:
        """Ask the base what the target is asked."""
        self.announce()
        for base in self.sides().values():
            base.query()

    def scores(self, attack: CalibratedAttack, of: StatisticDataModule) -> Calibrated:
        """Every record by one attack.

        Args:
            attack: The attack.
            of: The answers of the target, or of a placebo in its place.

        Raises:
            TargetError: If a placebo answers as the base does.
        """
        names, (answers, base) = self._columns(attack, of)
        if of is not self._data and not differing(answers[self._learning.known], base[self._learning.known]).any():
            raise TargetError(_PLACEBO_IS_BASE.format(of.target.name, attack.name))
        return attack.calibrate(answers, base, names, self._learning)

    def control(self, attack: CalibratedAttack) -> Learned:
        """What the base alone tells of every record; learned once for all attacks that read the same of it."""
        asked = tuple((statistic.plan(setting).key, describe(setting)) for statistic, setting in attack.asked)
        read = attack.reads_components, asked
        if read not in self._controls:
            _, (_, base) = self._columns(attack, self._data)
            self._controls[read] = base_alone(base, self._learning)
        return self._controls[read]

    def gains(self, attack: CalibratedAttack, *of: StatisticDataModule) -> tuple[Floats, ...]:
        """How much better than the base target and placebo do on each record, `[n]` each, on the scale of the first.

        Nothing is fitted to either, so that a placebo that has not learned the domain as the target has shows it.
        """
        _, (*found, base) = self._columns(attack, *of)
        train = list(self._learning.train)
        varies = differing(found[0][train], base[train])
        spread = (found[0] - base)[train].std(axis=0)[varies]
        return tuple(((side - base)[:, varies] / spread).mean(axis=1) for side in found)

    def evaluations(self, attack: CalibratedAttack) -> int | None:
        """Denoiser evaluations per record, of target and base together; None if it asks for images alone."""
        plans = {
            statistic.plan(setting).key: (statistic, setting)  # settings may differ in how one finding is read
            for statistic, setting in attack.asked
            if statistic.level is AccessLevel.DENOISE
        }
        sides = (self._data, self._data.base)
        return sum(side.evaluations(*pair) for pair in plans.values() for side in sides) if plans else None

    def _columns(self, attack: CalibratedAttack, *of: StatisticDataModule) -> tuple[list[str], list[Floats]]:
        """What columns are called, and `[n, m]` of some sides and last of the base, on the scale of the first."""
        sides = (*of, self._data.base)
        found = [np.concatenate([side.statistics(*pair) for side in sides]) for pair in attack.asked]
        rows = np.array(self._learning.known, dtype=np.int64)
        read = [
            statistic.oriented(components)
            if attack.reads_components
            else statistic.combine(components, setting, rows)[:, None]
            for (statistic, setting), components in zip(attack.asked, found, strict=True)
        ]
        names = [
            name for pair, part in zip(attack.asked, read, strict=True) for name in [_called(*pair)] * part.shape[1]
        ]
        return names, np.split(np.concatenate(read, axis=1), len(sides))

    @property
    def _learning(self) -> Learning:
        """Of the records that are left: those that a side refuses leave."""
        view = self._data.view
        return Learning(np.array(view.known.members), self._data.train_rows, list(view.splits.rows["val"]))


_PLACEBO_IS_BASE = (
    "The placebo {!r} answers as the base does wherever {} looks, so it is the base under another name, and that is no "
    "placebo of what reads the base. Check that its adapter or checkpoint is at work, give another fine-tune of the "
    "base, on other records of the domain, or leave `placebo` out. All answers are kept."
)


def _called(statistic: StatisticAttack, setting: Setting) -> str:
    return f"{statistic.name} at {describe(setting)}" if setting else statistic.name
