"""What was made is found again, whatever else is in the file."""

import pytest

from lit_mia.audits.self_test.journal import Journal
from lit_mia.audits.self_test.trials import Outcome, Trial


def outcome(number, **told):
    values = {"verdict": "confounded", "attacks": {"II-S": 0.6}, "controls": {"II-S blind": 0.55}} | told
    return Outcome(Trial("answers", 0.35, number, False), **values)


@pytest.fixture
def journal(tmp_path):
    return lambda configuration="one", seeds=1: Journal(tmp_path / "out", configuration, seeds)


def outcomes(journal):
    return [done.outcome for done in journal.done.values()]


def test_outcomes_are_found_again_as_they_were(journal):
    one = journal()
    given = [outcome(0, planted_auc=0.7, auc_needed=0.66), outcome(1), outcome(2, verdict="no verdict", attacks={})]
    one.add(given[:2], 3.0)
    one.add(given[2:], 2.0)
    assert outcomes(one) == outcomes(journal()) == given
    assert [done.seconds for done in journal().done.values()] == [1.5, 1.5, 2.0]


def test_those_of_another_configuration_or_of_other_seeds_do_not_count(journal):
    journal().add([outcome(0)], 1.0)
    assert outcomes(journal("another")) == outcomes(journal(seeds=2)) == []
    journal("another").add([outcome(0, verdict="other")], 1.0)
    assert outcomes(journal()) == [outcome(0)]
    assert outcomes(journal("another")) == [outcome(0, verdict="other")]


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_that_was_cut_off_is_made_again_and_spoils_no_other(journal, kept):
    one = journal()
    one.add([outcome(0)], 1.0)
    whole = one.path.read_text()
    one.add([outcome(1)], 1.0)
    line = one.path.read_text()[len(whole) :]
    one.path.write_text(whole + line[:kept])
    cut = journal()
    assert outcomes(cut) == [outcome(0)]
    cut.add([outcome(1), outcome(2)], 1.0)
    assert outcomes(journal()) == [outcome(0), outcome(1), outcome(2)]


@pytest.mark.parametrize("line", ["", "[]", "null", "{}", '{"configuration": "one", "seeds": 1, "outcome": {}}', "no"])
def test_what_is_no_outcome_is_left_out(journal, line):
    one = journal()
    one.add([outcome(0)], 1.0)
    one.path.write_text(f"{line}\n{one.path.read_text()}\n{line}\n")
    assert outcomes(journal()) == [outcome(0)]
