"""What of a JSON value is not of a schema."""

import pytest

from lit_mia.report.forms import faults_of, outside_intervals

NUMBER = {"type": "number", "minimum": 0, "maximum": 1}
PART = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "p": NUMBER},
    "required": ["p"],
    "additionalProperties": False,
}
MAYBE = {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}]}


def found(value, schema):
    return [str(fault) for fault in faults_of(value, schema, {"Part": PART}, "x")]


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        (0.5, NUMBER, []),
        (1, NUMBER, []),
        (1.5, NUMBER, ["x: 1.5 is above 1"]),
        (-1, NUMBER, ["x: -1 is below 0"]),
        (True, NUMBER, ["x: True is not of type number"]),
        ("0.5", NUMBER, ["x: '0.5' is not of type number"]),
        (float("nan"), NUMBER, ["x: nan is no number that JSON has"]),
        (
            {"rate": [float("inf")]},
            {"type": "object", "additionalProperties": {}},
            ["x.rate[0]: inf is no number that JSON has"],
        ),
        ("\ud83d", {}, [r"x: '\ud83d' holds half a character, which no text can be written with"]),
        (None, NUMBER, ["x: null is not of type number"]),
        (1.0, {"type": "integer"}, ["x: 1.0 is not of type integer"]),
        (1, {"type": "boolean"}, ["x: 1 is not of type boolean"]),
        ("a", {"enum": ["a", "b"]}, []),
        ("c", {"enum": ["a", "b"]}, ["x: 'c' is none of 'a', 'b'"]),
        (["a"], {"enum": ["a", "b"]}, ["x: ['a'] is none of 'a', 'b'"]),
        (2, {"const": 1}, ["x: 2 is not 1"]),
        ("1.2.26", {"type": "string", "pattern": r"^\d{4}"}, [r"x: '1.2.26' does not match ^\d{4}"]),
        ([1], {"type": "array", "minItems": 2}, ["x: [1] has fewer than 2 items"]),
        ([1, 2, 3], {"type": "array", "maxItems": 2}, ["x: [1, 2, 3] has more than 2 items"]),
        ([0.1, 2], {"type": "array", "items": NUMBER}, ["x[1]: 2 is above 1"]),
        (
            ["a", "b"],
            {"type": "array", "prefixItems": [{"type": "string"}, NUMBER]},
            ["x[1]: 'b' is not of type number"],
        ),
        ({"II-S": 2}, {"type": "object", "additionalProperties": NUMBER}, ['x["II-S"]: 2 is above 1']),
        ({"p": 0.1}, MAYBE, []),
        (None, MAYBE, []),
        ({"n": 1}, MAYBE, ["x.p: is missing"]),
        ({"p": 1, "q": 1}, MAYBE, ["x.q: is no field of this version"]),
        ({"p": 1, "n": 0.5}, MAYBE, ["x.n: 0.5 is not of type integer"]),
        (7, MAYBE, ["x: 7 is not of type object"]),
    ],
)
def test_a_value_against_a_schema(value, schema, said):
    assert found(value, schema) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"auc": 0.5, "auc_ci": [0.4, 0.6]}, []),
        ({"auc": 0.5, "auc_ci": None}, []),
        ({"auc": None, "auc_ci": [0.0, 1.0]}, []),
        ({"auc": 1 + 1e-12, "auc_ci": [0.4, 1]}, []),
        ({"auc": 0.7, "auc_ci": [0.4, 0.6]}, ["auc: 0.7 is outside its interval, 0.4 to 0.6"]),
        ({"auc": 0.5, "auc_ci": [0.6, 0.4]}, ["auc: has an interval from 0.6 to 0.4"]),
        ({"tpr": 0.1, "ci": [0.2, 0.3]}, ["tpr: 0.1 is outside its interval, 0.2 to 0.3"]),
        ([{"delta": 0.4, "ci": [0.2, 0.3]}], ["[0].delta: 0.4 is outside its interval, 0.2 to 0.3"]),
        ({"of": {"value": 0.1, "lo": 0.2, "hi": 0.3}}, ["of.value: 0.1 is outside its interval, 0.2 to 0.3"]),
        ({"auc": 0.1, "auc_lo": 0.2, "auc_hi": 0.3}, ["auc: 0.1 is outside its interval, 0.2 to 0.3"]),
        ({"gap": 0.3, "gap_hi": 0.2}, ["gap: 0.3 is outside its interval, None to 0.2"]),
        ({"ratio_lo": 2.0, "seed": 1}, []),
    ],
)
def test_values_and_their_intervals(value, said):
    assert [str(fault) for fault in outside_intervals(value)] == said
