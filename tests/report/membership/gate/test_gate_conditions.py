"""How a condition is written, and what is refused before anything is asked."""

import operator
from itertools import product

import pytest

from lit_mia.errors import GateError
from lit_mia.report.membership.gate import QUANTITIES, Case, read_condition


@pytest.mark.parametrize(
    ("text", "name", "sign", "limit"),
    [
        ("dAUC.hi > 0.05", "dAUC.hi", ">", 0.05),
        ("  dAUC.lo>=-0.1 ", "dAUC.lo", ">=", -0.1),
        ("AUC<=1e-1", "AUC", "<=", 0.1),
        ("TPR@0.1%.hi < .5", "TPR@0.1%.hi", "<", 0.5),
        ("TPR@10%!=1", "TPR@10%", "!=", 1.0),
        ("ratio.lo > 1.5", "ratio.lo", ">", 1.5),
        ("eps.lo > 20", "eps.lo", ">", 20.0),
        ("p == 0", "p", "==", 0.0),
        ("verdict == leakage", "verdict", "==", "leakage"),
        ("verdict != 'Not detected'", "verdict", "!=", "not detected"),
        ('verdict=="suggestive (no placebo)"', "verdict", "==", "suggestive (no placebo)"),
    ],
)
def test_a_condition_is_read_and_written_again(text, name, sign, limit):
    condition = read_condition(text)
    assert (condition.name, condition.sign, condition.limit) == (name, sign, limit)
    assert read_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no condition"),
        ("AUC", "is no condition"),
        ("AUC = 0.5", "is no condition"),
        ("AUC >", "is no condition"),
        ("> 0.5", "is no condition"),
        ("AUC => 0.5", "is no condition"),
        ("AUC >> 0.5", "is no condition"),
        ("auc > 0.5", "Did you mean 'AUC'?"),
        ("ΔAUC > 0.5", "Did you mean 'dAUC'?"),
        ("TPR@1 % > 0.5", "is no condition"),
        ("TPR@1 > 0.5", "Did you mean 'TPR@1%'?"),
        ("ratio > 2", "Did you mean 'ratio.lo'?"),
        ("eps.hi > 2", "Did you mean 'eps.lo'?"),
        ("accuracy > 0.5", "The quantities are dAUC, dAUC.lo, dAUC.hi, AUC"),
        ("AUC > high", "one finite number"),
        ("AUC > 0,5", "one finite number"),
        ("AUC > nan", "one finite number"),
        ("dAUC.hi < inf", "one finite number"),
        ("TPR@1% > 5%", "one finite number"),
        ("AUC > 0.6 and p < 0.05", "one finite number"),
        ("AUC > 0.6 > 0.5", "one finite number"),
        ("TPR@1% > 5", "from 0 to 1, and no percentage"),
        ("TPR@1% < 5", "from 0 to 1"),
        ("AUC > 1", "from 0 to 1"),
        ("p < 0", "from 0 to 1"),
        ("dAUC < -1", "from -1 to 1"),
        ("ratio.lo > 100", "from 0 to 100"),
        ("eps.lo < 0", "from 0 to inf"),
        ("verdict == leak age", "is compared by == and !="),
        ("verdict == ''", "is compared by == and !="),
        ("verdict > leakage", "is compared by == and !="),
        ("verdict == 'leakage", "is compared by == and !="),
        ("verdict.lo == leakage", "Did you mean 'verdict'?"),
    ],
)
def test_what_is_no_condition_or_could_never_hold_is_refused(text, said):
    with pytest.raises(GateError) as refused:
        read_condition(text)
    assert said in str(refused.value)
    assert repr(text) in str(refused.value)


def test_numbers_are_compared_as_python_compares_them():
    signs = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq}
    for (sign, compared), value in product(signs.items(), (0.4, 0.5, 0.6)):
        assert read_condition(f"AUC {sign} 0.5").holds(value) == compared(value, 0.5)
        assert read_condition("AUC != 0.5").holds(value) == (value != 0.5)


def test_the_beginning_of_a_verdict_is_enough():
    kinds = {of.name: of.words for of in QUANTITIES}["verdict"]
    for kind, beginning in product(kinds, ("suggestive", "leakage", "not", "not detected at this power")):
        assert read_condition(f"verdict == {beginning}").holds(kind) == kind.startswith(beginning)
        assert read_condition(f"verdict != {beginning}").holds(kind) != kind.startswith(beginning)


def test_what_a_case_could_never_have_reached_is_no_value():
    reachable = Case("one record", {".lo": 0.2}, most=1.0)
    assert read_condition("eps.lo > 0.5").value(reachable) == 0.2
    assert read_condition("eps.lo > 1").value(reachable) is None
    assert read_condition("eps.lo >= 1").value(reachable) == 0.2
    assert read_condition("eps.lo < 1").value(reachable) == 0.2
