"""A class that a file of a room defines is known by its short name, and nothing else has to name it."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FILES = {
    "lit_mia.attacks.statistics": """
from lit_mia.attacks.statistics.base import StatisticAttack
class Formula(StatisticAttack):
    name = "formula"
    swept = ()
    def measure(self, subject, setting):
        yield from ()
""",
    "lit_mia.attacks": """
from lit_mia.attacks.semantic import SemanticAttack
class Nearness(SemanticAttack):
    name = "nearness"
    def features(self, batch):
        return batch
""",
    "lit_mia.targets": """
from lit_mia.targets.base import GenerateTarget
class Quiet(GenerateTarget):
    nfe_per_image = 1
    def __init__(self, volume: float = 0.5) -> None:
        self.volume = volume
    def generate(self, queries):
        yield from ()
    def fingerprint(self):
        return {"volume": self.volume}
""",
    "datamodules.sources": """
from datamodules.sources.base import RecordSource
class Nothing(RecordSource):
    def load(self):
        raise NotImplementedError
""",
}
CONFIG = """
data:
  class_path: AuxiliaryDataModule
  init_args: {source: {class_path: Nothing}, target: {class_path: Quiet}}
attacks: [{class_path: Formula}, {class_path: Nearness}]
"""
PROGRAM = """
import importlib, sys
from pathlib import Path
for folder in Path("rooms").iterdir():
    importlib.import_module(folder.name).__path__.append(str(folder))
from lit_mia.main import run
run(["audit", "--config", "audit.yaml", "--print_config"])
"""


def test_a_class_is_known_by_its_short_name_once_its_file_is_there(tmp_path):
    for room, text in FILES.items():
        file = tmp_path / "rooms" / room / "added_by_a_test.py"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (tmp_path / "audit.yaml").write_text(CONFIG)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for path in ("attacks.statistics.added_by_a_test.Formula", "attacks.added_by_a_test.Nearness"):
        assert f"class_path: lit_mia.{path}" in done.stdout
    assert "class_path: datamodules.sources.added_by_a_test.Nothing" in done.stdout
    assert "class_path: lit_mia.targets.added_by_a_test.Quiet" in done.stdout
    assert "volume: 0.5" in done.stdout
