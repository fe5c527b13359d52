"""Values that are read as jsonargparse reads them, and written without loss."""

import math

import pytest
import yaml
from jsonargparse import ArgumentParser

from lit_mia.blocks import dumps, load, loads
from lit_mia.errors import ConfigError

TEXTS = [
    "1e-3",
    "1.0",
    "2020-01-01",
    "null",
    "true",
    "no",
    "",
    " x",
    "a: b",
    "a, b",
    "[1]",
    "{",
    "{0}",
    "{name}",
    "*",
    "é\nü",
    "#",
    "a:",
]


@pytest.mark.parametrize("flow", [True, False])
@pytest.mark.parametrize(
    "value",
    [
        *TEXTS,
        1e-3,
        1e-05,
        1e300,
        math.inf,
        -math.inf,
        0.1,
        10**20,
        True,
        None,
        [],
        {},
        {"a": None},
        [{"1e-3": ["x"] * 2}],
    ],
    ids=repr,
)
def test_what_is_written_is_read_back(value, flow):
    whole = {"key": value, "list": [value, {"inner": value}]}
    text = dumps(whole, flow=flow)
    assert loads(text) == whole
    assert (len(text.splitlines()) == 1) is flow


def test_values_mean_what_they_mean_to_the_parser():
    text = "{a: 1e-3, b: 2020-01-01, c: .inf, d: '1e-3', e: 1.0e-3, f: no, g: 0o7, h: 1_000}"
    parser = ArgumentParser()
    parser.add_argument("--config", action="config")
    parser.add_argument("--values", type=dict)
    written = [f"values: {values}" for values in (text, dumps(loads(text), flow=True))]
    given = [parser.parse_args(["--config", content]).as_dict()["values"] for content in written]
    assert given[0] == given[1] == loads(text)
    assert (given[0]["a"], given[0]["b"], given[0]["c"], given[0]["d"]) == (0.001, "2020-01-01", math.inf, "1e-3")


def test_a_file_that_is_no_yaml_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read as YAML: .*No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"a": [1]}))
    assert load(tmp_path / "own.yaml") == {"a": [1]}
