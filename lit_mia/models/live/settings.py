"""What `save_pretrained` writes of the parts of a pipeline beside weights: settings, and the words of tokenizers."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import nn

from lit_mia.models.live.outline import ORIGIN

OF_CALLS = {"padding", "truncation"}
"""What each call of a tokenizer sets anew, and leaves in its file."""


def settings_of(part: Any) -> dict[str, bytes]:
    """What `save_pretrained` of a part writes beside weights, by file."""
    from diffusers import ModelMixin

    config = getattr(part, "config", None) if isinstance(part, nn.Module) else part
    save = part.save_config if isinstance(part, ModelMixin) else getattr(config, "save_pretrained", None)
    with TemporaryDirectory() as folder:
        if save is not None:
            save(folder)
        files = [file for file in Path(folder).rglob("*") if file.is_file()]
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def told_by(parts: Mapping[str, Any]) -> Any:
    """What is in the files of some parts, without what tells where these are from."""
    written = {name: settings_of(part) for name, part in parts.items()}
    return {part: {name: _content(name, data) for name, data in files.items()} for part, files in written.items()}


def _content(name: str, data: bytes) -> Any:
    if not name.endswith(".json"):
        return hashlib.sha256(data).hexdigest()
    content, left_out = json.loads(data), ORIGIN | (OF_CALLS if name == "tokenizer.json" else set())
    return {key: content[key] for key in content if key not in left_out} if isinstance(content, dict) else content
