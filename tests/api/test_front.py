"""The names of the package itself."""

import subprocess
import sys
from importlib.metadata import version
from inspect import signature

import pytest

import lit_mia


def test_importing_the_package_costs_nothing():
    heavy = {"torch", "diffusers", "lightning", "pandas", "numpy"}
    code = f"import sys, lit_mia; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("name", lit_mia.__all__)
def test_every_name_is_there_and_says_what_it_is(name):
    assert name in dir(lit_mia)
    assert isinstance(getattr(lit_mia, name), str) or len(getattr(lit_mia, name).__doc__.splitlines()) >= 1


def test_what_describes_an_audit_is_what_makes_it_beside_the_folder():
    whole, described = (dict(signature(of).parameters) for of in (lit_mia.audit, lit_mia.Audit.of))
    assert whole.pop("output").default is None
    assert whole == described


def test_the_version_is_that_of_the_distribution():
    assert lit_mia.__version__ == version("lit-mia")


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="'lit_mia' has no attribute 'audits_of'"):
        _ = lit_mia.audits_of
