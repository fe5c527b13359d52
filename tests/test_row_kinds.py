import re
from dataclasses import replace

import pytest

from lit_mia.errors import PluginError
from lit_mia.row_kinds import ROW_KINDS


@pytest.mark.parametrize("kind", list(ROW_KINDS), ids=lambda kind: kind.name)
def test_each_kind_has_a_look_that_pages_and_figures_can_draw(kind):
    from matplotlib.lines import Line2D

    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in (kind.colour, kind.dark))
    assert re.fullmatch("[a-z-]+", kind.variable)
    Line2D([], [], color=kind.colour, marker=kind.marker, linestyle=kind.dash)


def test_controls_say_what_they_see_and_others_are_none():
    assert [kind.name for kind in ROW_KINDS if not kind.sentence] == ["attack", "target"]


@pytest.mark.parametrize(
    "names", [("attack", "blind", "caption", "joint", "n-grams", "metadata", "placebo", "round trip", "base")]
)
def test_kinds_of_one_audit_look_different(names):
    kinds = [ROW_KINDS[name] for name in names]
    for look in ("colour", "dark", "marker", "dash"):
        assert len({getattr(kind, look) for kind in kinds}) == len(kinds)


def test_a_kind_of_another_package_is_known_once_it_is_added(monkeypatch):
    monkeypatch.setattr(ROW_KINDS, "_entries", dict(ROW_KINDS._entries))
    kind = replace(ROW_KINDS["blind"], name="metadata only", sentence="sees the metadata alone")
    with pytest.raises(PluginError, match=r"no kind of row 'metadata only', only attack, blind.*lit_mia\.plugins"):
        _ = ROW_KINDS["metadata only"]
    assert ROW_KINDS.add(kind).variable == "kind-metadata-only"
    assert ROW_KINDS["metadata only"].sentence
