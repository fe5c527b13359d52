"""Each kind of fault of a membership audit is found, in a result that has no other."""

import copy
import csv
import json

import pytest
from measured_results import measured

import lit_mia.audits.kinds  # noqa: F401 (the kinds that a file may be of)
from lit_mia.cli.faults import schema
from lit_mia.report.forms import faults_of, outside_intervals
from lit_mia.report.membership import MembershipResult


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    result = measured()
    (folder / "audit.json").write_text(json.dumps(result.numbers()), encoding="utf-8")
    for name, write in result.files().items():
        write(folder / name)
    return folder


@pytest.fixture
def numbers(folder):
    return json.loads((folder / "audit.json").read_text())


@pytest.fixture(scope="module")
def definitions():
    return schema()["$defs"]


def place(numbers, path):
    """The list or object that holds what a path names, and its last step."""
    *steps, last = path
    for step in steps:
        numbers = numbers[step]
    return numbers, last


def found(numbers, folder, definitions):
    form = [*faults_of(numbers, definitions["MembershipAudit"], definitions), *outside_intervals(numbers)]
    return [str(fault) for fault in form or MembershipResult.faults(folder, numbers)]


def test_a_good_audit_has_no_fault(numbers, folder, definitions):
    assert numbers["verdict"]["kind"] == "leakage beyond controls"
    assert numbers["rows"][3]["tpr_at_fpr"][0]["tpr"] is not None
    assert found(numbers, folder, definitions) == []


ATTACK, OTHER, BLIND = ("rows", 3), ("rows", 0), ("rows", 4)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("design",), "coin", "design: 'coin' is none of"),
        (("created",), "today", "created: 'today' does not match"),
        (("cost", "queries"), -1, "cost.queries: -1 is below 0"),
        (("verdict", "kind"), "no leakage", "verdict.kind: 'no leakage' is none of"),
        (("verdict", "kind"), "confounded", "verdict.kind: 'confounded' is not the first outcome of an attack"),
        ((*ATTACK, "auc"), 1.2, "rows[3].auc: 1.2 is above 1"),
        ((*ATTACK, "auc"), float("nan"), "rows[3].auc: nan is no number that JSON has"),
        ((*ATTACK, "auc"), 0.2, "rows[3].auc: 0.2 is outside its interval"),
        ((*ATTACK, "p_own"), -0.1, "rows[3].p_own: -0.1 is below 0"),
        ((*ATTACK, "outcome"), None, "rows[3].outcome: an attack has an outcome"),
        ((*BLIND, "outcome"), "confounded", "rows[4].outcome: a control has no outcome"),
        ((*BLIND, "name"), "II-S", "rows[3].name: 2 rows are called 'II-S'"),
        ((*BLIND, "name"), "II-S other", 'rows[3].differences["II-S blind"]: is no control of it'),
        ((*BLIND, "attack"), "IV", "rows[4].attack: there is no attack 'IV'"),
        ((*OTHER, "attack"), "II-S", "rows[0].attack: 'II-S' is another attack than 'I-P'"),
        ((*BLIND, "kind"), "deaf", "rows[4].kind: 'deaf' is none of attack, blind"),
        ((*ATTACK, "protocol"), "magic", "rows[3].protocol: 'magic' is none of heads"),
        (("protocol",), "threshold", "protocol: 'threshold' is not that of the rows"),
        ((*ATTACK, "differences"), {}, 'rows[3].differences["II-S blind"]: is missing'),
        ((*ATTACK, "smallest_difference"), None, "rows[3].smallest_difference: is there if"),
        ((*ATTACK, "smallest_difference", "control"), "II-S", "rows[3].smallest_difference.control: 'II-S' is no"),
        ((*ATTACK, "smallest_difference", "ci", 1), 0.9, "rows[3].smallest_difference.ci[1]: 0.9 should be"),
        ((*ATTACK, "smallest_difference", "ci"), None, "rows[3].smallest_difference.ci: is there if"),
        ((*ATTACK, "p_adjusted"), 0.5, "rows[3].outcome: 'leakage beyond controls' is not what design, coin, placebo"),
        ((*ATTACK, "ratio_lo"), 99.0, "rows[3].ratio_lo: 99.0 should be"),
        ((*ATTACK, "n_members"), 7, "rows[3].n_members: 7 should be 110"),
        ((*ATTACK, "histogram", "members", 0), 400, "rows[3].histogram.members: "),
        ((*ATTACK, "histogram", "edges"), [0.0], "rows[3].histogram.edges: is not one more than there are bins"),
        ((*ATTACK, "frozen_threshold", "prior"), 0.5, "rows[3].frozen_threshold.ppv: "),
        (("verdict", "sentence"), "Not detected.", "verdict.sentence: 'Not detected.' does not say 'leakage beyond"),
        (("splits", "sizes", "test", "member"), 9, "rows[0].n_members: 110 should be 9"),
        (("tried", "test_openings"), 3, "tried.test_openings: 3 should be 9"),
        (("control_null", "max_control_auc"), 0.9, "control_null.max_control_auc: 0.9 should be"),
        ((*ATTACK, "tpr_at_fpr", 0, "reason"), "none", "rows[3].tpr_at_fpr[0]: has a rate or a reason"),
        ((*ATTACK, "tpr_at_fpr", 0, "achieved_fpr"), 0.2, "rows[3].tpr_at_fpr[0].achieved_fpr: 0.2 is above 0.1"),
        (("design",), "canary", "coin: the design 'canary' has a coin, verified or stated"),
        (("coin",), "verified", "coin: the design 'same_source_holdout' has no coin"),
        (("placebo_checks", "IV"), {"valid": True, "sentence": "", "gap": None, "gap_hi": None}, "placebo_checks: "),
        ((*ATTACK, "accuracy"), 0.7071, "rows[3].accuracy: 0.7071 should be"),
        ((*ATTACK, "auc_per_seed"), [0.5], "rows[3].auc_per_seed: 1 seeds, but scores.parquet has 2"),
        ((*ATTACK, "auc_per_seed", 1), 0.75, "rows[3].auc_per_seed[1]: 0.75 should be"),
        ((*ATTACK, "frozen_threshold", "threshold"), 9.0, "rows[3].frozen_threshold.tpr: "),
        ((*ATTACK, "frozen_threshold", "threshold"), 9.0, "rows[3].frozen_threshold.threshold: 9.0 should be"),
        ((*ATTACK, "further_thresholds", 0, "threshold"), 9.0, "rows[3].further_thresholds[0].threshold: 9.0"),
        ((*ATTACK, "threshold"), 9.0, "rows[3].threshold: 9.0 should be"),
        ((*ATTACK, "differences"), None, 'rows[3].differences["II-S blind"]: is missing'),
        (("colour",), "red", "colour: is no field of this version"),
    ],
)
def test_every_kind_of_fault_is_found(numbers, folder, definitions, path, value, said):
    holder, last = place(numbers, path)
    holder[last] = value
    faults = found(numbers, folder, definitions)
    assert any(fault.startswith(said) for fault in faults), faults


@pytest.mark.parametrize("name", ["verdict", "rows", "splits", "power"])
def test_a_missing_field_is_found(numbers, folder, definitions, name):
    del numbers[name]
    assert found(numbers, folder, definitions) == [f"{name}: is missing"]


def test_a_shifted_area_is_found_in_every_file_and_difference(numbers, folder, definitions):
    numbers["rows"][3]["auc"] += 1e-6
    faults = "\n".join(found(numbers, folder, definitions))
    assert 'rows[3].differences["II-S blind"].delta' in faults
    assert "by scores.parquet" in faults
    assert "by roc.csv" in faults


def test_the_bound_and_the_set_test(numbers, folder, definitions):
    tier = {"copies": 1, "records": 1, "coins": 10, "guesses": 8, "right": 9, "epsilon": 2.0, "ceiling": 1.0}
    bound = {"reason": None, "delta": 1e-5, "attack": "V", "inside": 0.2, "outside": 0.0}
    family = {"kind": "attack", "p": 0.1, "sizes": [1, 2], "shares": [0.1], "smallest": None}
    numbers["dp_bound"] = {**bound, "tiers": [{**tier, "found": None, "two_rates": None}]}
    numbers["set_level"] = {"suspected": 1, "known": 1, "families": [family], "false_rejections": [0.5, [0.1, 0.2]]}
    faults = found(numbers, folder, definitions)
    assert faults == [
        "dp_bound.attack: there is no attack 'V'",
        "dp_bound.tiers[0]: 9 right of 8 guesses of 10 coins",
        "dp_bound.tiers[0].epsilon: 2.0 is above its ceiling, 1.0",
        "set_level.families[0].shares: 1 shares of 2 sizes",
        "set_level.false_rejections: 0.5 is outside its interval, 0.1 to 0.2",
    ]


def test_refusals_add_up(numbers, folder, definitions):
    of = {"asked": {"member": 5}, "refused": {"member": 6}, "reasons": {"member": {"filter": 2}}, "p_unequal": 1.0}
    numbers["refused"] = {"target": of}
    assert found(numbers, folder, definitions) == [
        "refused.target.refused.member: 6 of 5 that were asked",
        "refused.target.reasons.member: 2 should be 6",
    ]


def test_rows_that_a_file_lacks_or_has_more(numbers, folder, definitions, tmp_path):
    lines = list(csv.reader((folder / "roc.csv").open()))
    with (tmp_path / "roc.csv").open("w", newline="") as file:
        csv.writer(file).writerows(["other" if value == "I-P" else value for value in line] for line in lines)
    (tmp_path / "scores.parquet").write_bytes(b"none")
    faults = found(numbers, tmp_path, definitions)
    assert faults[0].startswith("scores.parquet: ")
    assert faults[1:] == ["roc.csv: lacks the row 'I-P'", "roc.csv: holds 'other', which is no row"]


def test_without_files_beside_it_nothing_is_recomputed(numbers, tmp_path, definitions):
    numbers["rows"][3]["accuracy"] = 0.7071
    assert found(numbers, tmp_path, definitions) == []


def test_the_result_itself_is_left_as_it_is(numbers, folder):
    before = copy.deepcopy(numbers)
    list(MembershipResult.faults(folder, numbers))
    assert numbers == before
