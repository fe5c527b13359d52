"""The GPU check where there is no GPU: a rehearsal at tiny size, and what counts as a failure."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import device_agreement
import gpu_check

from lit_mia.attacks.statistics import SimA


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(device_agreement, "UNCONDITIONAL", (SimA(),))  # the others are asked in the same pass
    monkeypatch.setattr(device_agreement, "CAPTIONED", (SimA(),))

    def run(*options):
        out = tmp_path / "gpu_check.json"
        monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--device", "cpu", "--out", str(out), *options])
        code = gpu_check.main()
        return code, json.loads(out.read_text(encoding="utf-8"))

    return run


@pytest.mark.slow
def test_the_rehearsal_goes_through_all_that_runs_without_a_gpu(run):
    code, told = run()
    assert code == 0
    assert set(told) - {"device", "versions", "cuda"} == {
        *("agreement", "forwards", "weights in half", "one pass", "generate", "live pipeline")
    }
    assert told["device"].startswith("cpu")
    assert told["versions"]["torch"]
    assert all(row["difference"] == 0 for row in told["agreement"]["rows"])  # the same device twice
    (first, _) = told["one pass"]["rows"]
    assert first["evaluations_per_record"] == 36  # 38 of the attacks alone; SecMI, PIA and PIAN share x_0 at t = 0
    assert len(told["generate"]["rows"]) == 3


def test_what_differs_fails_or_has_no_time_left_is_told(tmp_path, capsys):
    check = gpu_check.Check(tmp_path / "out.json", minutes=1, parts=[], result={"device": "cpu"})
    check.part("near", lambda: [{"what": "a", "difference": 1e-5, "limit": 1e-4}])
    assert check.failures() == []
    check.part("far", lambda: [{"what": "b", "difference": 1e-3, "limit": 1e-4}])
    check.part("undefined", lambda: [{"what": "c", "difference": float("nan"), "limit": 1e-4}])

    def broken():
        yield {"batch": 1}
        raise ValueError("too much")

    check.part("broken", broken)
    check.minutes = 0
    check.part("late", broken)
    assert check.failures() == ["broken: ValueError: too much", "b: 0.001", "c: nan"]
    told = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert told["broken"]["rows"] == [{"batch": 1}]
    assert "0 minutes are over" in told["late"]["skipped"]
    assert "late: no time left" in capsys.readouterr().out
