"""Help and parsing load neither diffusers nor transformers."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
import sys
from lit_mia.main import run
try:
    run(sys.argv[1:])
except SystemExit as ended:
    assert ended.code == 0, ended.code
print("\\nheavy:", sorted({"diffusers", "open_clip", "peft", "transformers"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--help"], "usage: lit-mia"),
        (
            ["fit", "--config", "experiment/openmoji", "--model", "attack/ii_s", "--print_config"],
            "lit_mia.attacks.AttackIIS",
        ),
        (["fit", "--help"], "lit_mia.shadow.clip.ClipTraining"),
        (["audit", "--help"], "--placebo"),
    ],
    ids=["help", "fit", "trainings", "audit"],
)
def test_heavy_libraries_stay_out(arguments, printed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert printed in done.stdout
    assert done.stdout.splitlines()[-1] == "heavy: []"
