"""The page of a result: sections that say when they apply, in one self-contained HTML document.

Its only script sorts tables, and is the only one that its policy allows; without it the page is the same.
"""

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import yaml
from markupsafe import Markup
from PIL import Image

from lit_mia.report import words
from lit_mia.report.base import Picture
from lit_mia.report.fields import spell_non_finite
from lit_mia.row_kinds import ROW_KINDS

if TYPE_CHECKING:
    from jinja2 import Environment

T = TypeVar("T")
SCRIPT = "sort.js"
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")
"""Characters that turn the direction of what follows them: in a name they would have numbers read backwards."""


@dataclass(frozen=True)
class Section(Generic[T]):
    """One part of the page of a result.

    Attributes:
        template: File in `lit_mia/report/templates`; it is given the result as `result`.
        context: What else it is given; nothing by default.
        applies: Whether the page of a result has the section; every page by default.
    """

    template: str
    context: Callable[[T], Mapping[str, Any]] = lambda _: {}
    applies: Callable[[T], bool] = lambda _: True


def render_page(result: T, title: str, tone: str, sections: Iterable[Section[T]]) -> str:
    """The page of a result.

    Args:
        result: The result.
        title: Title of the document.
        tone: CSS class of its colour, e.g. `leakage`.
        sections: Its sections in order; those that do not apply are left out.
    """
    environment = _environment()
    parts = [
        environment.get_template(section.template).render(result=result, **section.context(result))
        for section in sections
        if section.applies(result)
    ]
    script = environment.get_template(SCRIPT).render()
    return environment.get_template("page.html.jinja").render(
        title=title,
        tone=tone,
        parts=[Markup(part) for part in parts],
        kinds=list(ROW_KINDS),
        script=Markup(script),
        script_hash=Markup(source_hash(script)),
    )


def source_hash(text: str) -> str:
    """What a content security policy calls an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def pictures_section(pictures: Sequence[Picture], heading: str, introduction: str) -> Section[Any]:
    """The section of images, which is there only if there are any.

    Args:
        pictures: The images.
        heading: Of the section.
        introduction: What they show.
    """
    shown = [
        {"images": [data_url(image) for image in p.images], "caption": p.caption, "note": p.note} for p in pictures
    ]
    context = {"pictures": shown, "heading": heading, "introduction": introduction}
    return Section("pictures.html.jinja", lambda _: context, lambda _: bool(shown))


def tone_of(kind: str, tones: Mapping[str, str]) -> str:
    """The CSS class of a verdict.

    Args:
        kind: Its kind.
        tones: Beginning of a kind → CSS class.
    """
    return next((tone for start, tone in tones.items() if kind.startswith(start)), "other")


def yaml_text(config: Mapping[str, Any]) -> str:
    """A configuration as YAML, its infinities and NaN in quotes."""
    return str(yaml.safe_dump(spell_non_finite(config), sort_keys=False, allow_unicode=True, width=100))


def data_url(image: Image.Image) -> str:
    """The image as a PNG inside its address."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _environment() -> "Environment":
    """What pages are rendered with: escaped, strict, and with the formats of numbers as filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lit_mia.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value.translate(_TURNING) if isinstance(value, str) else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "interval": words.interval,
        "percent": words.percent,
        "percent_interval": words.percent_interval,
        "duration": words.duration,
        "count": words.count,
        "variable": lambda kind: ROW_KINDS[kind].variable,
    }
    return environment
