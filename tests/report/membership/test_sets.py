"""The suspected records as a set: from scores to numbers, and every place that shows them."""

import json

import numpy as np
import pytest
from simulated_results import changed, printed, simulated

from lit_mia.metrics.retrieval import Retrieval
from lit_mia.records import Records
from lit_mia.report.membership.evaluation import evaluate
from lit_mia.report.membership.judging import Circumstances
from lit_mia.report.membership.schema import AuditReport
from lit_mia.report.membership.scores import RowScores
from lit_mia.report.membership.sets import set_level_of
from lit_mia.splits import SPLITS, Splits

EACH = 60
N = 2 * EACH * len(SPLITS)
MEMBERS = np.tile([1, 0], N // 2)
IDS = tuple(f"r{i}" for i in range(N))
SPLIT = {name: tuple(range(2 * EACH * i, 2 * EACH * (i + 1))) for i, name in enumerate(SPLITS)}


def noise(seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=N) + shift * MEMBERS


def measured(scores, groups=IDS, tools=None, reads_tools=()):
    rows = [
        RowScores(name, kind or "attack", attack, scores[name][None], protocol="heads", tools=attack in reads_tools)
        for name in scores
        for attack, _, kind in [name.partition(" ")]
    ]
    records = Records(IDS, (None,) * N, tuple(MEMBERS.tolist()), tuple(groups), print, stamps=IDS)
    splits = Splits(SPLIT, dict.fromkeys(SPLITS, EACH), seed=0, fractions=(0.25,) * 4, n_groups=N, digest="d" * 64)
    return set_level_of(evaluate(rows, records, splits, Circumstances("post_hoc", tools=tools)), records, splits)


@pytest.fixture(scope="module")
def found():
    scores = {
        "I": noise(0, 1.0),
        "I blind": noise(1),
        "II": noise(2, 0.4),
        "II blind": noise(3),
        "II joint": -noise(4, 1),
    }
    return measured(scores)


def test_attacks_and_each_kind_of_control_are_tested(found):
    attacks, blind, joint = found["families"]
    assert [family["kind"] for family in found["families"]] == ["attack", "blind", "joint"]
    assert (found["suspected"], found["known"]) == (EACH, EACH)
    assert attacks["sizes"] == [10, 20, 50, 60]
    assert attacks["p"] <= 0.01 < blind["p"]
    assert attacks["smallest"] in (20, 50)
    assert joint["p"] <= 0.01, "a control that is wrong way round reads the sides too"
    rate, (lo, hi) = found["false_rejections"]
    assert lo <= rate <= hi < 0.05


def test_groups_are_counted():
    pairs = [f"g{i // 4}-{member}" for i, member in enumerate(MEMBERS)]
    assert measured({"I": noise(0, 1.0)}, pairs)["suspected"] == EACH // 2


def test_attacks_whose_tool_fails_are_left_out():
    broken = Retrieval(n=100, nearest=5, found=5, p=0.6)
    scores = {"I": noise(0, 1.0), "I blind": noise(1, 1.0), "II": noise(2), "II joint": noise(3)}
    left = measured(scores, tools=broken, reads_tools=("I",))
    assert [family["kind"] for family in left["families"]] == ["attack", "joint"]
    assert left["families"][0]["p"] > 0.01
    assert measured(scores, tools=broken, reads_tools=("I", "II")) is None


@pytest.fixture(scope="module")
def result(found):
    return changed(simulated({"I": 1.0, "II": 0.4}), set_level=found)


def test_every_place_shows_it(result):
    texts = result.markdown(), printed(result, width=200), result.page()
    assert all("suspected groups beside 60 known" in text for text in texts)
    assert "| Scores joined | 10 of them | 20 of them | 50 of them | p of all | Enough (80 %) |" in texts[0]
    assert "| **attacks** |" in texts[0]
    assert all("Controls tell the sides apart" in text and "joint" in text for text in texts)
    assert all("Non-members against non-members" in text for text in (texts[0], texts[2]))
    assert "The suspected records as a set" in texts[2]


def test_records_that_are_each_a_group_are_called_records_also_where_some_were_drawn(result, found):
    sizes = {"test": {"member": 1500, "non_member": 1200}}
    alone = changed(result, splits={**result.report.splits, "sizes": sizes, "groups": 2700})
    many = changed(alone, set_level={**found, "suspected": 1000, "known": 1000})
    assert "suspected records beside" in many.markdown()


@pytest.mark.parametrize(
    ("coin", "said"), [(None, "No coin decided"), ("stated", "stated, not checked: if"), ("verified", None)]
)
def test_what_else_would_be_found_is_said(result, coin, said):
    told = changed(result, coin=coin).markdown()
    for sentence in ("No coin decided", "stated, not checked: if"):
        assert (sentence in told) == (sentence == said)


def test_the_file_holds_it_and_older_files_do_not(result, found):
    assert AuditReport.from_dict(json.loads(json.dumps(result.numbers()))).set_level == json.loads(json.dumps(found))
    old = {name: value for name, value in result.numbers().items() if name != "set_level"}
    assert AuditReport.from_dict(old).set_level is None
    without = changed(result, set_level=None)
    assert all("uspected" not in text for text in (without.markdown(), printed(without)))
