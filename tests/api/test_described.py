"""Objects of Python as blocks of YAML."""

from pathlib import Path
from threading import Lock

import numpy as np
import pytest

from datamodules.sources import ConcatSource, CsvSource
from lit_mia.api.described import block_of
from lit_mia.attacks import AttackIIS, AuditedAttack
from lit_mia.attacks.calibration import BaseDifference
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.making import made
from lit_mia.errors import ConfigError


def test_values_stay_as_they_are():
    assert block_of({"a": [1, 2.5, None, True], "b": Path("x/y"), "c": np.int64(3)}) == {
        "a": [1, 2.5, None, True],
        "b": "x/y",
        "c": 3,
    }


def test_objects_inside_objects_are_blocks_inside_blocks():
    block = block_of(ConcatSource([CsvSource("a.csv"), CsvSource("b.csv")]))
    assert block["class_path"] == "datamodules.sources.concat.ConcatSource"
    assert [part["init_args"] for part in block["init_args"]["sources"]] == [{"path": "a.csv"}, {"path": "b.csv"}]


@pytest.mark.parametrize("attack", [Loss([10, 20]), AttackIIS(widths=(8,), dropout=0.0), BaseDifference([Loss(5)])])
def test_what_a_block_makes_has_the_same_block(attack):
    again = made(AuditedAttack, block_of(attack))
    assert type(again) is type(attack)
    assert block_of(again).keys() == block_of(attack).keys()
    assert str(vars(again).get("t")) == str(vars(attack).get("t"))


def test_what_no_config_can_hold_is_told():
    with pytest.raises(ConfigError, match="A lock cannot be written into a config"):
        block_of(Lock())


def test_a_class_that_no_config_can_find_is_told():
    class Local(CsvSource.__mro__[1]):
        def __init__(self) -> None: ...

        def load(self):
            raise NotImplementedError

    with pytest.raises(ConfigError, match="Local is defined inside a function"):
        block_of(Local())
