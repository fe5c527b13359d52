"""What the inputs of a trained head were made of: its scores, and its threshold, mean nothing on anything else."""

from collections.abc import Mapping
from typing import Any

from lit_mia.errors import HeadError

Origin = Mapping[str, Any]
"""What inputs are made of, as JSON values: `image_size`, fingerprints of `encoder` and `target`, and the like."""
LEARNED_ANEW = frozenset({"target", "captioner", "images_per_record", "prompts", "attack"})
"""Parts that may change where a head goes on learning (`init_from`): it learns on those at hand."""
_LIBRARIES = frozenset(
    {"diffusers", "lightning", "min-dalle", "open_clip", "open_clip_torch"}
    | {"timm", "torch", "torch-fidelity", "transformers"}
)


def check_origin(what: str, learned: Origin | None, given: Origin, *, anew: bool = False) -> None:
    """Refuse to use a head on other inputs than those that it learned from; a release of a library changes none.

    Args:
        what: The head, for the message.
        learned: What its checkpoint says; None in files of earlier versions, which are not checked.
        given: What the inputs at hand are made of.
        anew: Whether it goes on learning on these.

    Raises:
        HeadError: If something differs; the message names each, with both values.
    """
    apart = [
        difference
        for name in (learned or {}).keys() & given.keys()
        if not (anew and name in LEARNED_ANEW)
        for difference in _differences(name, (learned or {})[name], given[name])
    ]
    if apart:
        raise HeadError(
            f"{what} learned from other inputs than it would be given: {'; '.join(sorted(apart))}. Its scores and its "
            "threshold would mean nothing there. Use the settings that it was trained with, or train one for these. A "
            "head that learned on one target scores another in a ShadowDataModule: the one is its `shadow`, the other "
            "its `attacked`."
        )


def _differences(name: str, learned: Any, given: Any) -> list[str]:
    if not (isinstance(learned, Mapping) and isinstance(given, Mapping)):
        return [] if learned == given else [f"`{name}` {_told(learned)} → {_told(given)}"]
    fields = [field for field in {**learned, **given} if field not in _LIBRARIES]
    apart = [field for field in fields if learned.get(field) != given.get(field)]
    return [f"`{name}`: {field} {_told(learned.get(field))} → {_told(given.get(field))}" for field in apart]


def _told(value: Any) -> str:
    """A value; of a hash, its beginning."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"
