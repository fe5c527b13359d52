"""The commented config of an audit of one's own target."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from lit_mia.blocks import dumps

MARK = "# lit-mia audit --config "
"""How the config begins."""
Access = Literal["generate", "denoise", "both"]
HEADS = ("attack/i_p", "attack/i_s", "attack/ii_p", "attack/ii_s", "attack/iii", "attack/iv")
STATISTICS = ("statistic/loss", "statistic/secmi", "statistic/pia", "statistic/sima", "statistic/rediffuse")
_ATTACKS: dict[Access, tuple[str, ...]] = {"generate": HEADS, "denoise": STATISTICS, "both": (*HEADS, *STATISTICS)}


@dataclass(frozen=True)
class Beginning:
    """What a config is written for.

    Attributes:
        target: A folder of a diffusers pipeline, or a hub id.
        images: Folder of members; None with a CSV.
        non_members: Folder of non-members; None with a CSV.
        csv: A CSV of all images with labels; None with folders.
        access: What may be asked of the target.
        captioned: Whether every image has a caption.
    """

    target: str
    images: str | None
    non_members: str | None
    csv: str | None
    access: Access
    captioned: bool


def config_text(of: Beginning, output: Path) -> str:
    """The config as commented YAML.

    Args:
        of: What it is written for.
        output: Its file, which names results and stores.
    """
    loader = PackageLoader("lit_mia.cli", "beginning")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    environment.filters["yaml"] = _scalar
    template = environment.get_template("audit.yaml.jinja")
    return template.render(
        **vars(of), mark=MARK, attacks=_ATTACKS[of.access], output=shlex.quote(str(output)), name=output.stem
    )


def _scalar(text: str) -> str:
    """A text as YAML, quoted where it has to be."""
    return dumps(text).removesuffix("...\n").removesuffix("\n")
