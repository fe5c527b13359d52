"""What a cell of captions may hold, and which of several is used."""

import pytest

from datamodules.sources.captions import captions_in, chosen
from lit_mia.errors import RecordError

TWO = ["a cat", "a sleeping cat"]


@pytest.mark.parametrize(
    "cell",
    [
        TWO,
        tuple(TWO),
        '["a cat", "a sleeping cat"]',
        "['a cat', 'a sleeping cat']",
        [b"a cat\n", {"raw": "a sleeping cat", "tokens": ["a"]}],
        {"url": "https://example.org", "caption": [*TWO, "", None]},
        b'["a cat", "a sleeping cat"]',
        "['a cat' 'a sleeping cat']",  # as NumPy writes it
        "['a cat'\n 'a sleeping cat']",
        '["a cat", null, "a sleeping cat"]',
        "['a cat', nan, 'a sleeping cat', None]",
    ],
)
def test_several_captions(cell):
    assert captions_in(cell, "row 0") == TWO


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("a cat ", ["a cat "]),  # as it stands: a prompt is known by its letters
        ("\ufeffé".encode(), ["é"]),
        (207, ["207"]),
        (None, []),
        (float("nan"), []),
        (" ", []),
        ("nan", []),
        (" None", []),
        ("<NA>", []),
        ("None of them smiles", ["None of them smiles"]),
        ([], []),
        ("[]", []),
        ("[None]", []),
        ({"text": None}, []),
        ("[a cat]", ["[a cat]"]),
        ("[1, 2]", ["[1, 2]"]),
        ("[" * 5000 + "]" * 5000, ["[" * 5000 + "]" * 5000]),
        ("{'caption': 1}", ["{'caption': 1}"]),
    ],
)
def test_one_caption_or_none(cell, texts):
    assert captions_in(cell, "row 0") == texts


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"title": "a", "url": "b"}, r"row 7 has an object of \['title', 'url'\].*named like `json.title`"),
        (True, "row 7 has 'True'"),
        (0.5, "row 7 has '0.5'"),
        (["a", object], "row 7 has"),
        (b"\xff\xfe", "UTF-8, but row 7 holds other bytes"),
    ],
)
def test_what_is_no_text_is_refused(cell, message):
    with pytest.raises(RecordError, match=message):
        captions_in(cell, "row 7")


def test_the_choice_depends_on_the_id_alone():
    assert chosen(TWO, "first", "r1") == TWO[:1]
    assert chosen(TWO, "all", "r1") == TWO
    assert chosen([], "all", "r1") == [None]
    drawn = [chosen(TWO, "random", f"r{number}") for number in range(200)]
    assert drawn == [chosen(TWO, "random", f"r{number}") for number in range(200)]
    assert 70 < drawn.count(TWO[:1]) < 130
