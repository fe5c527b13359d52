"""Every example of a docstring says what it prints."""

import doctest
from importlib import import_module

import pytest
from test_structure import MODULES

ELSEWHERE = {"lit_mia.callbacks.leak_while_training"}
"""Fits a head: tests/callbacks/test_leak_while_training.py runs its example."""
SHOWN = sorted(name for name, path in MODULES.items() if ">>> " in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", [name for name in SHOWN if name not in ELSEWHERE])
def test_the_examples_of_a_module_print_what_they_say(module):
    failed, tried = doctest.testmod(import_module(module), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed
