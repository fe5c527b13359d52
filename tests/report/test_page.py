"""Pages of any result: sections in their order, each only where it applies, and pictures only where they are given."""

import base64
import hashlib
import io
import re
from typing import get_args

import pytest
from jinja2 import UndefinedError
from PIL import Image

from lit_mia.metrics.copying.verdict import ExtractionKind
from lit_mia.metrics.evidence import Kind
from lit_mia.metrics.identity import IdentityKind
from lit_mia.report.base import Picture
from lit_mia.report.extraction import result as extraction
from lit_mia.report.identity import result as identity
from lit_mia.report.membership import sections
from lit_mia.report.page import Section, data_url, pictures_section, render_page, tone_of, yaml_text
from lit_mia.row_kinds import ROW_KINDS

RED = Image.new("RGB", (4, 6), (200, 30, 10))
PROVENANCE = Section(
    "provenance.html.jinja",
    lambda result: {"config": result, "details": {}, "digests": {}, "versions": {}, "footer": "the end"},
)


def page_of(*sections, result="nothing"):
    return render_page(result, "A <title>", "leakage", sections)


def test_a_section_that_does_not_apply_is_left_out():
    never = Section(PROVENANCE.template, PROVENANCE.context, lambda result: result == "something")
    assert "the end" not in page_of(never)
    assert "the end" in page_of(never, result="something")
    assert "the end" in page_of(PROVENANCE)


def test_sections_stand_in_their_order():
    pictures = pictures_section([Picture((RED,), "one")], "Pictures", "Look.")
    page = page_of(pictures, PROVENANCE)
    assert page.index("<h2>Pictures</h2>") < page.index("<h2>Configuration and provenance</h2>")


def test_no_section_of_pictures_without_pictures():
    assert "Pictures" not in page_of(pictures_section([], "Pictures", "Look."))


@pytest.mark.parametrize(("images", "portraits"), [((RED,), True), ((RED, RED), False)])
def test_pictures_are_embedded_with_their_words(images, portraits):
    page = page_of(pictures_section([Picture(images, "a <face>", "member")], "Pictures", "Look."))
    assert page.count("data:image/png;base64,") == len(images)
    assert 'alt="a &lt;face&gt;"' in page
    assert "<small>member</small>" in page
    assert ('class="pictures portraits"' in page) is portraits


def test_what_a_template_is_not_given_is_an_error():
    with pytest.raises(UndefinedError):
        page_of(Section(PROVENANCE.template))


def test_titles_and_values_are_escaped_and_nothing_is_loaded():
    page = page_of(PROVENANCE, result="<script>")
    assert "<title>A &lt;title&gt;</title>" in page
    assert page.count("<script") == 1
    assert "default-src 'none'" in page
    assert '<main class="leakage">' in page


def test_the_policy_of_the_page_allows_its_own_script_alone():
    page = page_of()
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert not [word for word in ("http", "fetch", "import(", "src=", "eval") if word in script]


@pytest.mark.parametrize(
    ("kinds", "tones"),
    [(Kind, sections.TONES), (IdentityKind, identity.TONES), (ExtractionKind, extraction.TONES)],
)
def test_every_kind_of_verdict_has_a_colour(kinds, tones):
    assert {tone_of(kind, tones) for kind in get_args(kinds)} == set(tones.values())


def test_every_kind_of_row_has_its_colours_in_light_dark_and_print():
    page = page_of()
    for kind in ROW_KINDS:
        assert page.count(f"--{kind.variable}: {kind.colour};") == 2
        assert page.count(f"--{kind.variable}: {kind.dark};") == 1


def test_an_image_survives_its_address():
    text = data_url(RED).removeprefix("data:image/png;base64,")
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        assert image.size == RED.size
        assert image.getpixel((1, 1)) == (200, 30, 10)


def test_a_configuration_keeps_its_order_and_its_letters():
    assert yaml_text({"b": {"name": "Tür"}, "a": [1, 2.5]}) == "b:\n  name: Tür\na:\n- 1\n- 2.5\n"


def test_a_name_turns_no_numbers_round():
    assert "a\ufffd 0.123" in page_of(PROVENANCE, result="a\u202e 0.123")
