"""How records were scored, and the sentence that each way needs."""

from collections.abc import Iterable
from dataclasses import dataclass

from lit_mia.registry import Registry

JOINED = " + "


@dataclass(frozen=True)
class Protocol:
    """A way of scoring.

    Attributes:
        name: What `audit.json` calls it.
        label: What a table calls it, where rows differ in it.
        note: What the reader has to know of it.
    """

    name: str
    label: str
    note: str


PROTOCOLS: Registry[Protocol] = Registry(
    "protocol",
    (
        Protocol("heads", "trained head", "Heads are trained on pairs (train split); val chooses the epoch."),
        Protocol(
            "threshold",
            "threshold",
            "Scored by a threshold on the statistic; no training. Setting chosen on train and val.",
        ),
        Protocol(
            "resnet",
            "ResNet on residuals",
            "Scored by a ResNet trained on the residual map (train split); not comparable with threshold numbers.",
        ),
    ),
)


def joined(names: Iterable[str]) -> str:
    """What a report calls the protocols of its rows."""
    return JOINED.join(dict.fromkeys(names))


def note_of(protocol: str) -> str:
    """What has to be said of a report's protocols; nothing of trained heads alone, which every section explains."""
    names = protocol.split(JOINED)
    correction = ["One correction covers all attacks."] if len(names) > 1 else []
    return "" if names == ["heads"] else " ".join([*(PROTOCOLS[name].note for name in names), *correction])
