"""Which way of scoring each attack of an audit needs, and which datamodule serves it."""

from collections.abc import Sequence
from typing import Any

from datamodules import JudgedDataModule
from lit_mia.attacks import AuditedAttack
from lit_mia.audits.membership.head_scorer import HeadScorer
from lit_mia.audits.membership.scorer import Means, Scorer
from lit_mia.audits.membership.statistic_scorer import StatisticScorer
from lit_mia.errors import HeadError
from lit_mia.registry import Registry

AnyScorer = Scorer[Any, Any]
WAYS_OF_SCORING: Registry[type[AnyScorer]] = Registry("way of scoring", (HeadScorer, StatisticScorer))
"""What an attack's `scored_by` leads to; a package outside adds one with `WAYS_OF_SCORING.add`."""


def scorers_of(data: Sequence[JudgedDataModule], attacks: Sequence[AuditedAttack], means: Means) -> list[AnyScorer]:
    """A scorer for each way of scoring that the attacks need; every attack is scored, or refused here.

    Args:
        data: Datamodules over the same records; the first that serves a way is used for it.
        attacks: The attacks.
        means: What they are scored with.

    Raises:
        HeadError: If there is no scorer for an attack, or no datamodule that serves it, or a datamodule too many.
    """
    by_way: dict[str, list[AuditedAttack]] = {}
    for attack in attacks:
        if attack.scored_by not in WAYS_OF_SCORING:
            raise HeadError(
                f"{attack.name} is scored by a {attack.scored_by}, which an audit of records does not know; it knows "
                f"{', '.join(way.name for way in WAYS_OF_SCORING)}. IDIA is for `people:`, e.g. audit/idia_demo."
            )
        by_way.setdefault(attack.scored_by, []).append(attack)
    serving = {way: _serving(way, data, of_way) for way, of_way in by_way.items()}
    if "statistic" not in by_way and (means.protocol is not None or means.head is not None):
        raise HeadError("`protocol` and `head` are for training-free attacks; trained heads have neither.")
    idle = [type(one).__name__ for one in data if one not in serving.values()]
    if idle:
        raise HeadError(f"No attack needs the answers of {', '.join(idle)}. Leave it out, or add attacks that do.")
    return [WAYS_OF_SCORING[way](serving[way], of_way, means) for way, of_way in by_way.items()]


def _serving(way: str, data: Sequence[JudgedDataModule], attacks: Sequence[AuditedAttack]) -> JudgedDataModule:
    for one in data:
        if way in one.scored_by:
            return one
    raise HeadError(
        f"{' and '.join(type(one).__name__ for one in data)} does not serve {', '.join(a.name for a in attacks)}. "
        "Training-free attacks need a StatisticDataModule, trained heads an AuxiliaryDataModule; an audit of both has "
        "one as `data` and the other as `also`."
    )
