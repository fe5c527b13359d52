"""How the folders of a design are laid out, for the scripts that train on them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from lit_mia.registry import Registry

METADATA, CAPTION = "metadata.jsonl", "text"
"""The list beside the images, and its column of captions."""


@final
@dataclass(frozen=True)
class Layout:
    """A way to lay out a folder of PNG files.

    Attributes:
        name: What a config calls it.
        captioned: Whether a `metadata.jsonl` beside the images holds their captions; else there are only images.
        options: How a training script is told of the folder, with `{train}` for its path.
    """

    name: str
    captioned: bool
    options: str


LAYOUTS = Registry(
    "layout of a design",
    (
        Layout("imagefolder", captioned=True, options=f"--train_data_dir {{train}} --caption_column {CAPTION}"),
        Layout("dreambooth", captioned=False, options="--instance_data_dir {train} --instance_prompt ..."),
    ),
)


def metadata_lines(captions: Mapping[str, str | None]) -> bytes:
    """The `metadata.jsonl` of a folder as `load_dataset("imagefolder")` reads it, sorted by file name.

    Args:
        captions: File name → caption.
    """
    rows = ({"file_name": name, CAPTION: captions[name]} for name in sorted(captions))
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()
