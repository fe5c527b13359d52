"""The same command started several times, by a launcher or on several machines: asked once, told once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

LAUNCHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
COMMAND = ["-m", "lit_mia"]
ENVIRONMENT = {"OMP_NUM_THREADS": "1"}


def answers(store: Path) -> int:
    """How many answers a store holds; none is in it twice."""
    keys = [key for file in store.glob("shard-*.parquet") for key in pq.read_table(file)["key"].to_pylist()]
    assert len(set(keys)) == len(keys)
    return len(keys)


def test_one_of_two_launched_processes_measures_and_both_ask(workspace, tmp_path):
    changes = {"attacks": ["model.yaml"], "placebo": None, "budget.seeds": 1, "budget.max_epochs": 1}
    config = workspace.changed("audit.yaml", changes)
    logger = ["--logger=WandbLogger", "--logger.offline=true", "--logger.save_dir=runs"]
    args = ["audit", "--config", config, "--data.init_args.target.init_args.batch_size=8", *logger]
    done = subprocess.run(
        [*LAUNCHER, *COMMAND, *args], capture_output=True, text=True, timeout=300, env=os.environ | ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr
    assert [done.stdout.count(said) for said in ("head and controls trained", "Numbers: ")] == [1, 1]
    (account,) = (tmp_path / "openings-of-the-user").glob("*.jsonl")
    assert len(account.read_text().splitlines()) == 1
    assert answers(workspace.root / "store") == 80
    found = json.loads((workspace.root / "runs/changed-audit/audit.json").read_text())
    assert found["cost"]["queries"] == found["cost"]["by_target"]["target"]["queries"] == 80, "what both have asked"
    assert len(list((workspace.root / "runs/wandb").glob("offline-run-*"))) == 1


def test_two_machines_that_share_a_store_ask_nothing_twice(workspace, tmp_path):
    store = tmp_path / "shared/store"
    changes = {"data.init_args.store": str(store), "data.init_args.target.init_args.batch_size": 8, "placebo": None}
    config = workspace.changed("audit.yaml", changes)
    (tmp_path / "other").symlink_to(workspace.root)  # as if mounted elsewhere
    command = [sys.executable, *COMMAND, "query", "--config", config]
    machines = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=os.environ | ENVIRONMENT)
        for folder in (workspace.root, tmp_path / "other")
    ]
    told = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0]
    assert sum(int(line.split()[1]) for text in told for line in text.splitlines() if line.startswith("target:")) == 80
    assert answers(store) == 80
    assert not (store / "claims").exists()
