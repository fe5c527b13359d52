"""The files of trained heads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lit_mia.attacks.origins import Origin, check_origin
from lit_mia.errors import HeadError
from lit_mia.models.files import file_digest, saved_by_torch


def read_checkpoint(path: str, option: str) -> dict[str, Any]:
    """What is in a checkpoint of `lit-mia fit` or of an audit.

    Args:
        path: The file.
        option: The setting that names it, for the error.

    Raises:
        HeadError: If there is no such file, or it is no checkpoint of a head.
    """
    place = Path(path).expanduser()
    if not place.is_file():
        raise HeadError(
            f"`{option}` must be a checkpoint file, but {path!r} does not exist. An audit, such as "
            "audit/openmoji_shadow_attack, keeps its heads and their controls in `heads` of its output folder."
        )
    checkpoint = saved_by_torch(place, HeadError)
    if not isinstance(checkpoint, dict) or not {"head", "state_dict"} <= checkpoint.keys():
        raise HeadError(f"{path} holds a model of another program. Give a checkpoint of `lit-mia fit` or of an audit.")
    return checkpoint


@dataclass(frozen=True)
class Start:
    """The trained head that another one starts from.

    Attributes:
        digest: SHA-256 of its file.
        learned: Marks of the records that it has learned from; empty in files of earlier versions.
        origin: What its inputs were made of; None in files of earlier versions.
    """

    digest: str
    learned: frozenset[str]
    origin: Origin | None

    def check(self, name: str, given: Origin) -> None:
        """Refuse to go on with other inputs than the head learned from; the target may be another.

        Args:
            name: Of the head that starts from it.
            given: What its inputs are made of.

        Raises:
            HeadError: If they differ.
        """
        check_origin(f"What {name} starts from", self.origin, given, anew=True)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self | None:
        """What a head starts from; None if it starts anew.

        Args:
            settings: The settings of the head.

        Raises:
            HeadError: If there is no such checkpoint.
        """
        path = settings.get("init_from")
        if not path:
            return None
        kept = read_checkpoint(path, "init_from")
        digest = file_digest(Path(path).expanduser(), HeadError)
        return cls(digest, frozenset(kept.get("learned", ())), kept.get("origin"))
