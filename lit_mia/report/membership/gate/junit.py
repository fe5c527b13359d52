"""The answers of a gate as JUnit XML, which most servers that build software show."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from lit_mia.files import replacing
from lit_mia.report.membership.gate.checking import Answer, Check

ELEMENTS: dict[Answer, str] = {"holds": "failure", "unknown": "error"}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(path: Path, name: str, checks: Sequence[Check], properties: Mapping[str, str]) -> None:
    """Write one test case for each condition.

    Args:
        path: The file; its folder is made if it is missing.
        name: Name of the suite.
        checks: What became of each condition.
        properties: Name → value, of the suite.
    """
    root = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(root, "testsuite", {"name": _valid(name), **_counts(checks)})
    held = ElementTree.SubElement(suite, "properties")
    for key, value in properties.items():
        ElementTree.SubElement(held, "property", name=_valid(key), value=_valid(value))
    for each in checks:
        _add_case(suite, each)
    ElementTree.indent(root)
    with replacing(path) as file:
        ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _add_case(suite: ElementTree.Element, each: Check) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname="lit-mia.gate", name=_valid(str(each.condition)))
    element, sentence = ELEMENTS.get(each.answer, "system-out"), _valid(each.sentence)
    told = {"message": sentence, "type": each.answer} if each.answer in ELEMENTS else {}
    ElementTree.SubElement(case, element, told).text = sentence


def _counts(checks: Sequence[Check]) -> dict[str, str]:
    found = {f"{element}s": sum(each.answer == answer for each in checks) for answer, element in ELEMENTS.items()}
    return {name: str(n) for name, n in {"tests": len(checks), **found}.items()}


def _valid(text: str) -> str:
    """The text without characters that XML cannot hold, however they are escaped."""
    return _NOT_XML.sub("?", text)
