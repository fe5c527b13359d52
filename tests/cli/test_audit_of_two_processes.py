"""An audit whose heads two processes train: it is one audit, with one account, and the numbers of one."""

import json
import os
import subprocess
import sys

import pytest

from lit_mia.main import run

pytestmark = pytest.mark.slow


def test_two_processes_train_and_one_accounts_writes_and_tells(workspace, tmp_path):
    changes = {"attacks": ["model.yaml"], "placebo": None, "budget.seeds": 1, "budget.max_epochs": 1}
    args = ["audit", "--config", workspace.changed("audit.yaml", changes)]
    two = [sys.executable, "-m", "lit_mia", *args, "--budget.devices=2", "--output=runs/two"]
    done = subprocess.run(two, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert "GLOBAL_RANK: 1, MEMBER: 2/2" in done.stderr
    assert [done.stdout.count(said) for said in ("head and controls trained", "Numbers: ")] == [1, 1]
    (account,) = (tmp_path / "openings-of-the-user").glob("*.jsonl")
    assert len(account.read_text().splitlines()) == 1
    run([*args, "--output=runs/one"])
    found = {name: json.loads((workspace.root / f"runs/{name}/audit.json").read_text()) for name in ("one", "two")}
    assert found["two"]["cost"]["queries"] == 80
    assert found["one"]["cost"]["queries"] == 0
    for key in ("fidelity", "splits", "store_digest", "tools"):
        assert found["one"][key] == found["two"][key], key
    assert {path.name for path in (workspace.root / "runs/two").iterdir()} == {
        path.name for path in (workspace.root / "runs/one").iterdir()
    }
