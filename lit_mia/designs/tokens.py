"""Which captions a trainer's tokenizers cut: what is cut was never learned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lit_mia.designs.manifest import Entry
from lit_mia.errors import DesignError
from lit_mia.models.files import readable
from lit_mia.models.whole import check_words
from lit_mia.reasons import listed

_NO_LIMIT = 10**6  # transformers' number for "none" is far above it


def told_cuts(path: str | None, entries: Sequence[Entry]) -> str:
    """A sentence on the captions that a trainer's tokenizers cut.

    Args:
        path: See `cut_texts`; None if it was not given.
        entries: Records or canaries.

    Raises:
        DesignError: If there is no tokenizer, or the random words of a canary are cut.
    """
    captions = [entry.caption for entry in entries if entry.caption is not None]
    keys = [entry.key for entry in entries if entry.key is not None]
    if path is None or not captions:
        return "Whether the trainer's tokenizer cuts captions was not checked."
    lost = {name: sum(cut) for name, cut in (cut_texts(path, keys) if keys else {}).items() if any(cut)}
    if lost:
        raise DesignError(
            f"The trainer's tokenizer cuts the random words of {max(lost.values())} of {len(keys)} canaries "
            f"({listed(list(lost))}), so the model never learned them. Make a design with fewer random words, or name "
            "the tokenizer that was trained with."
        )
    cuts = [f"{name} {sum(cut)}" for name, cut in cut_texts(path, captions).items()]
    return f"Of {len(captions)} captions, the trainer's tokenizer cuts: {', '.join(cuts)}."


def cut_texts(path: str, texts: Sequence[str]) -> dict[str, list[bool]]:
    """Whether each tokenizer, as it is saved, cuts each text: a name with the limit → one answer per text.

    Args:
        path: Folder of a pipeline, folder of a tokenizer, or hub id of a tokenizer.
        texts: At least one.

    Raises:
        DesignError: If there is no tokenizer.
    """
    folders = [str(folder) for folder in sorted(Path(path).glob("tokenizer*")) if folder.is_dir()]
    return dict(_cut(folder, texts) for folder in folders or [path])


def _cut(path: str, texts: Sequence[str]) -> tuple[str, list[bool]]:
    tokenizer = _tokenizer(path)
    limit = int(tokenizer.model_max_length)
    name = f"{Path(path).name} ({f'{limit} tokens' if limit < _NO_LIMIT else 'no limit of its own'})"
    return name, [len(tokens) > limit for tokens in tokenizer(list(texts), verbose=False)["input_ids"]]


def _tokenizer(path: str) -> Any:
    from transformers import AutoTokenizer

    said = f"No tokenizer can be loaded from {path!r}, which must be a folder with one, a pipeline's, or a hub id"
    with readable(DesignError, said):
        return check_words(AutoTokenizer.from_pretrained(path, trust_remote_code=False), path, DesignError)
