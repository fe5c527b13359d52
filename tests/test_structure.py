"""The shape of the code: the order of imports, sizes of files and rooms, names, and calls that can be read."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
WORDS = "words"
"""The modules directly in `lit_mia` that everything else is written in."""
LATE = ("plugins", "blocks", "main", "__main__")
"""Modules directly in `lit_mia` that are rooms of their own."""
ORDER = (
    WORDS,
    "models",
    "targets",
    "queries",
    "features",
    "metrics",
    "attacks",
    "designs",
    "datamodules",
    "report",
    "callbacks",
    "shadow",
    "tools",
    "plugins",
    "blocks",
    "audits",
    "cli",
    "api",
    "main",
    "__main__",
)
"""Each room imports from earlier ones, and its own files in no circle."""
FRONT = "lit_mia"
"""The package itself, which exports what is in `api`."""

FILES = sorted(path for top in ("lit_mia", "datamodules") for path in (ROOT / top).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Modules of this project that a file imports anywhere, in functions and for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in whole}
    return {name for name in found if name in MODULES and name != module_of(path)}


def room_of(module: str) -> str:
    if module == FRONT:
        return "api"
    first, _, rest = module.partition(".")
    if first == "datamodules":
        return first
    name = rest.partition(".")[0]
    is_room = (ROOT / "lit_mia" / name).is_dir() or name in LATE
    return name if name and is_room else WORDS


GRAPH = {module: imports_of(path) for module, path in MODULES.items()}


def test_every_import_follows_the_order():
    print(" → ".join(ORDER))
    assert {room_of(module) for module in MODULES} == set(ORDER)
    against = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in sorted(others)
        if ORDER.index(room_of(other)) > ORDER.index(room_of(module))
    ]
    assert against == []


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        raise AssertionError(f"A circle: {' → '.join(error.args[1])}") from None


def test_the_docs_show_the_order():
    assert " → ".join(ORDER[:-1]) in (ROOT / "docs/how_it_is_built.md").read_text(encoding="utf-8")


def test_names_of_functions_of_the_package_are_no_modules():
    taken = {part for module in MODULES for part in module.split(".")}
    assert taken & {"audit", "design", "compare", "selftest", "utils"} == set()


def test_rooms_and_files_are_small():
    lines = {path: len(path.read_text().splitlines()) for path in FILES}
    assert {str(path): n for path, n in lines.items() if n > 350} == {}
    assert median(lines.values()) < 110
    folders = {path.parent for path in FILES}
    assert {str(folder) for folder in folders if len([*folder.glob("[!_]*.py")]) > 25} == set()


def long_calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and len(node.args) > 4 and not any(isinstance(a, ast.Starred) for a in node.args):
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def test_calls_name_their_arguments():
    rooms = ("lit_mia/audits", "lit_mia/report", "datamodules")
    files = [path for path in FILES if str(path.relative_to(ROOT)).startswith(rooms)]
    assert [call for path in files for call in long_calls(path)] == []


def text_without_encoding(path: Path) -> Iterator[str]:
    """Calls that would read or write text in the encoding of the machine."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        constants = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        of_file = name in ("read_text", "write_text") or (
            name == "open" and not any("b" in str(mode) for mode in constants) and not is_image(node.func)
        )
        if of_file and "encoding" not in {keyword.arg for keyword in node.keywords}:
            yield f"{path.relative_to(ROOT)}:{node.lineno}"


def is_image(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and getattr(function.value, "id", "") in ("Image", "tarfile")


def test_text_is_utf8_whatever_the_machine_says():
    files = [*FILES, *(ROOT / "scripts").glob("*.py")]
    assert [call for path in files for call in text_without_encoding(path)] == []
