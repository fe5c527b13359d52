"""Packages outside that add something: found by their entry points, imported before configs, and listed."""

import pytest

from lit_mia.audits.making import object_keys
from lit_mia.cli import classes
from lit_mia.errors import PluginError
from lit_mia.main import run
from lit_mia.plugins import load_plugins
from lit_mia.row_kinds import ROW_KINDS

MODULE = """
from abc import abstractmethod
from lit_mia.features import Captioner
from lit_mia.attacks import AttackIIS
from lit_mia.row_kinds import ROW_KINDS, RowKind

class {name}Captioner(Captioner):
    def __init__(self, ghost_writer: Captioner) -> None:
        pass
    def fingerprint(self):
        return {{}}
    def caption(self, images):
        return ["x" for _ in images]

class {name}Base(Captioner):
    @abstractmethod
    def more(self): ...

ROW_KINDS.add(RowKind("{name} kind", "sees nothing", "#000000", "#ffffff", "o", "-"))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a package with one module that is an entry point; nothing else stays as it was added to."""
    monkeypatch.setattr(ROW_KINDS, "_entries", dict(ROW_KINDS._entries))
    monkeypatch.syspath_prepend(str(tmp_path))
    classes.plugins.cache_clear()

    def installed(name, content):
        info = tmp_path / f"{name}_package-1.5.dist-info"
        info.mkdir()
        (tmp_path / f"{name}.py").write_text(content)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[lit_mia.plugins]\n{name} = {name}\n")

    yield installed
    classes.plugins.cache_clear()


def test_what_a_package_adds_is_named(install):
    install("ghost", MODULE.format(name="Ghost"))
    (plugin,) = load_plugins(classes.BASES, classes.REGISTRIES)
    assert (plugin.name, plugin.distribution) == ("ghost", "ghost-package 1.5")
    assert plugin.adds == {"captioner": ("GhostCaptioner",), "kind of row": ("Ghost kind",)}


def test_plugins_are_imported_before_a_command_and_listed(install, capsys):
    install("first_one", MODULE.format(name="First"))
    install("second_one", "")
    run(["plugins"])
    assert capsys.readouterr().out == (
        "first_one (first_one-package 1.5)\n  captioner: FirstCaptioner\n  kind of row: First kind\n"
        "second_one (second_one-package 1.5)\n"
    )
    assert "ghost_writer" in object_keys().everywhere


def test_without_packages_the_list_says_how_to_add_one(install, capsys):
    run(["plugins"])
    assert "entry point of the group `lit_mia.plugins`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("import nothing_like_that", "ModuleNotFoundError: No module named"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = (", "Synt"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_its_package(install, content, reason):
    install("broken", content)
    with pytest.raises(
        PluginError, match=rf"'broken' of broken-package 1\.5 cannot be imported: broken raised {reason}"
    ):
        load_plugins(classes.BASES, classes.REGISTRIES)
    with pytest.raises(PluginError):
        run(["plugins"])


def test_two_packages_that_add_the_same_name_are_refused(install):
    install("one", MODULE.format(name="Same"))
    install("two", MODULE.format(name="Same"))
    with pytest.raises(PluginError, match=r"'two' of two-package.*two entries for the kind of row 'Same kind'"):
        load_plugins(classes.BASES, classes.REGISTRIES)
