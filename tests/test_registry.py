from dataclasses import dataclass

import pytest

from lit_mia.errors import HeadError, PluginError
from lit_mia.registry import Registry, named_once


@dataclass(frozen=True)
class Colour:
    name: str


RED, BLUE = Colour("red"), Colour("blue")


def test_entries_are_found_by_name_in_their_order():
    colours = Registry("colour", [RED])
    assert colours.add(BLUE) is BLUE
    assert colours["blue"] is BLUE
    assert list(colours) == [RED, BLUE]
    assert "red" in colours
    assert "green" not in colours


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(PluginError, match=r"no colour 'green', only red, blue\..*lit_mia\.plugins"):
        _ = Registry("colour", [RED, BLUE])["green"]


def test_two_entries_of_one_name_are_refused():
    with pytest.raises(PluginError, match="two entries for the colour 'red'"):
        Registry("colour", [RED]).add(Colour("red"))


def test_the_same_entry_may_come_twice():
    colours = Registry("colour", [RED])
    assert colours.add(RED) is RED
    assert list(colours) == [RED]


def test_an_entry_may_be_added_while_others_are_gone_through():
    colours = Registry("colour", [RED])
    for colour in colours:
        colours.add(Colour(f"dark {colour.name}"))
    assert [colour.name for colour in colours] == ["red", "dark red"]


def test_what_is_asked_for_is_named_and_each_once():
    assert named_once("A picture", "colour", [RED, BLUE]) == ["red", "blue"]
    for given, named in (([], "none"), ([RED, Colour("red")], r"\['red', 'red'\]")):
        with pytest.raises(HeadError, match=f"A picture needs at least one colour, and each once, but got {named}"):
            named_once("A picture", "colour", given)
