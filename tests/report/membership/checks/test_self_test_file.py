"""What a `selftest.json` holds."""

import json

from simulated_self_tests import self_test

import lit_mia.audits.kinds  # noqa: F401 (the kinds that a file may be of)
from lit_mia.cli.faults import faults_in


def test_a_good_one_and_one_whose_verdicts_are_none(tmp_path):
    path = self_test(configuration="ab" * 32).write(tmp_path)
    assert list(faults_in(path)) == []
    numbers = json.loads(path.read_text())
    numbers["trials"][0]["verdicts"] = {"fine": 3}
    path.write_text(json.dumps(numbers))
    assert list(map(str, faults_in(path))) == [
        "trials[0].verdicts.fine: is no verdict",
        "trials[0].repetitions: 200 audits with 3 verdicts",
    ]
