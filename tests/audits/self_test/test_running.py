"""Self-tests: which trials learn together, what is the same audit, and going on where one was cut off."""

import json
import shutil
from dataclasses import asdict, replace
from functools import partial

import pytest
from planted_audits import IMAGES, NOTHING, Planted, planted_data, statistic_audit

from datamodules import ShadowDataModule
from lit_mia.attacks import AttackIIS
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.audits.self_test import running
from lit_mia.audits.self_test.journal import Journal
from lit_mia.audits.self_test.running import Effort, blocks, key_of, run_self_test
from lit_mia.audits.self_test.trials import PLACEBO, TOGETHER, Trial
from lit_mia.errors import HeadError
from lit_mia.report.membership.self_test_numbers import SelfTest

SMALL = Effort(permutations=2, planted=0, apart=0, workers=1)


def of(*numbers, planting="nothing", strength=0.0, every=False):
    return [Trial(planting, strength, number, every) for number in numbers]


def test_trials_of_one_kind_and_sixteen_numbers_are_a_block():
    nothing, images = of(*range(40)), of(*range(3), planting="images", strength=1.5)
    weak, strong = (of(0, 1, planting="answers", strength=strength) for strength in (0.2, 0.5))
    every = of(*range(6), every=True)
    found = blocks([*images, *reversed(nothing), *weak, *every, *strong])
    assert found[:2] == [every[:4], every[4:]]  # what takes longest comes first
    parts = [nothing[:16], nothing[16:32], nothing[32:], images, weak, strong]
    assert {tuple(block) for block in found[2:]} == {tuple(part) for part in parts}
    rest = [trial for trial in nothing if trial.number not in (3, 17)]
    assert [{trial.number // TOGETHER for trial in block} for block in blocks(rest)] == [{0}, {1}, {2}]


@pytest.fixture
def key(tmp_path):
    def make(audit=None, config=None, **options):
        audit = audit or statistic_audit(tmp_path, **options)
        audit.query()
        return key_of(audit, Run("name", {"a": 1} if config is None else config, tmp_path / "out"))

    return make


def test_the_key_is_that_of_configuration_records_and_answers(key, tmp_path):
    own = key()
    assert key() == own
    assert key(config={"a": 1, "data": {"init_args": {"store": "elsewhere"}}}) == key(
        config={"a": 1, "data": {"init_args": {"store": "here"}}}
    )
    others = [
        key(config={"a": 2}),
        key(audit=statistic_audit(tmp_path / "answers", seen=IMAGES[1::2])),
        key(audit=statistic_audit(tmp_path / "labels", members=(0, 1) * 60)),
    ]
    assert len({own, *others}) == 4


def test_labels_of_two_targets_are_refused_before_anything_is_asked(few_records, tmp_path):
    sides = [planted_data(Planted(NOTHING, seed), tmp_path / str(seed)) for seed in (0, 1)]
    asked = []
    for side in sides:
        side.target.generate = lambda *given: asked.append(given)
    with pytest.raises(HeadError, match="draws the labels of one target anew, but ShadowDataModule holds those of sev"):
        run_self_test(lambda: MembershipAudit(ShadowDataModule(*sides), [AttackIIS()]), run_in(tmp_path), SMALL)
    assert asked == []
    assert not (tmp_path / "out").exists()


def run_in(folder):
    return Run("tiny", {"a": 1}, folder / "out")


def numbers(found):
    return {name: value for name, value in asdict(found).items() if name not in ("seconds", "created")}


@pytest.mark.slow
def test_a_self_test_goes_on_where_it_was_cut_off(tmp_path, monkeypatch, capsys):
    make, run = partial(statistic_audit, tmp_path), run_in(tmp_path)
    found = run_self_test(make, run, SMALL)
    assert [(of["planted"], of["repetitions"]) for of in found.trials] == [("nothing", 2)]
    assert found.on_placebo is not None
    assert not found.by_coin
    said = capsys.readouterr().out
    assert said.endswith("3 of 3 audits\n")
    assert "made before" not in said
    lines = Journal(run.output, found.configuration, 1).path.read_text().splitlines()
    cut = replace(run, output=tmp_path / "cut")
    cut.output.mkdir()
    journal = cut.output / "selftest.jsonl"
    journal.write_text("\n".join([*lines[:2], lines[2][:50]]))
    trials = []
    timed = running._timed
    monkeypatch.setattr(running, "_timed", lambda of, block: trials.extend(block) or timed(of, block))
    again = run_self_test(make, cut, SMALL)
    assert trials == [*of(1), *of(0, planting=PLACEBO)]  # the first was on the second line
    assert numbers(again) == numbers(found)
    assert "1 of 3 audits were made before." in capsys.readouterr().out
    trials.clear()
    assert numbers(run_self_test(make, cut, SMALL)) == numbers(found)
    assert trials == []
    assert numbers(SelfTest.read(cut.output)) == json.loads(json.dumps(numbers(found)))


@pytest.mark.slow
def test_two_processes_find_what_one_does(tmp_path):
    make = partial(statistic_audit, tmp_path)
    one = run_self_test(make, run_in(tmp_path), SMALL)
    shutil.rmtree(tmp_path / "out")
    two = run_self_test(make, run_in(tmp_path), replace(SMALL, workers=2))
    assert numbers(two) == numbers(one)
