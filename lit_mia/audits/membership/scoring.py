"""The ways of scoring that a membership audit knows: what an attack's `scored_by` leads to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from datamodules.base import AuditDataModule
from datamodules.statistics import StatisticDataModule
from lit_mia.attacks.base import Attack
from lit_mia.attacks.data import AuditedAttack
from lit_mia.attacks.residual import ResidualHead
from lit_mia.attacks.statistics.base import StatisticAttack
from lit_mia.attacks.training import Budget
from lit_mia.audits.membership.heads import HeadScorer
from lit_mia.audits.membership.scorer import Scorer
from lit_mia.audits.membership.statistics import StatisticProtocol, StatisticScorer
from lit_mia.errors import HeadError
from lit_mia.registry import Registry


@dataclass(frozen=True)
class Means:
    """What attacks are scored with.

    Attributes:
        budget: Seeds and epochs of whatever is trained.
        protocol: Of training-free attacks; None where there are none.
        head: Of the protocol `resnet` and of the blind control of training-free attacks; None where there are none.
    """

    budget: Budget
    protocol: StatisticProtocol | None = None
    head: ResidualHead | None = None


@dataclass(frozen=True)
class WayOfScoring:
    """What makes the rows of attacks of one kind.

    Attributes:
        name: What the attacks have as `scored_by`.
        make: The scorer of some attacks on a datamodule that serves this way.
    """

    name: str
    make: Callable[[AuditDataModule, Sequence[AuditedAttack], Means], Scorer]


def _heads(data: AuditDataModule, attacks: Sequence[AuditedAttack], means: Means) -> Scorer:
    return HeadScorer(data, [attack for attack in attacks if isinstance(attack, Attack)], means.budget)


def _statistics(data: AuditDataModule, attacks: Sequence[AuditedAttack], means: Means) -> Scorer:
    if not isinstance(data, StatisticDataModule):
        raise HeadError(f"Training-free attacks are asked by a StatisticDataModule, not a {type(data).__name__}.")
    statistics = [attack for attack in attacks if isinstance(attack, StatisticAttack)]
    protocol, head = means.protocol or "threshold", means.head or ResidualHead()
    return StatisticScorer(data, statistics, protocol=protocol, head=head, budget=means.budget)


WAYS_OF_SCORING: Registry[WayOfScoring] = Registry(
    "way of scoring",
    (
        WayOfScoring("head", _heads),
        WayOfScoring("statistic", _statistics),
    ),
)


def scorers_of(data: Sequence[AuditDataModule], attacks: Sequence[AuditedAttack], means: Means) -> list[Scorer]:
    """A scorer for each way of scoring that the attacks need; every attack is scored, or refused here.

    Args:
        data: Datamodules over the same records; the first that serves a way is used for it.
        attacks: The attacks.
        means: What they are scored with.

    Raises:
        TargetError: If no target offers the access level of an attack.
        HeadError: If there is no scorer for an attack, or no datamodule that serves it, or a datamodule too many.
    """
    by_way: dict[str, list[AuditedAttack]] = {}
    for attack in attacks:
        if attack.level is not None and not any(attack.level in one.target.offers for one in data):
            data[0].target.require(attack.level)
        if attack.scored_by not in WAYS_OF_SCORING:
            raise HeadError(
                f"{attack.name} is scored by a {attack.scored_by}, which an audit of records does not know; it knows "
                f"{', '.join(way.name for way in WAYS_OF_SCORING)}. IDIA is for `people:`, e.g. audit/idia_demo."
            )
        by_way.setdefault(attack.scored_by, []).append(attack)
    if "statistic" not in by_way and (means.protocol is not None or means.head is not None):
        raise HeadError("`protocol` and `head` are for training-free attacks; trained heads have neither.")
    serving = {way: _serving(way, data, of_way) for way, of_way in by_way.items()}
    idle = [type(one).__name__ for one in data if one not in serving.values()]
    if idle:
        raise HeadError(f"No attack needs the answers of {', '.join(idle)}. Leave it out, or add attacks that do.")
    return [WAYS_OF_SCORING[way].make(serving[way], of_way, means) for way, of_way in by_way.items()]


def _serving(way: str, data: Sequence[AuditDataModule], attacks: Sequence[AuditedAttack]) -> AuditDataModule:
    for one in data:
        if way in one.scored_by:
            return one
    raise HeadError(
        f"{' and '.join(type(one).__name__ for one in data)} does not serve {', '.join(a.name for a in attacks)}. "
        "Training-free attacks need a StatisticDataModule, trained heads an AuxiliaryDataModule; an audit of both has "
        "one as `data` and the other as `also`."
    )
