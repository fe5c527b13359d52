"""Every command of docs/many_machines.md can be read, and is launched as it says."""

import re
import shlex
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from lit_mia.main import run

pytestmark = pytest.mark.slow

TEXT = (Path(__file__).parents[2] / "docs/many_machines.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines() if line[0] != "#"
]


def test_all_ways_are_told():
    starts = {line.split()[0] for line in LINES}
    assert starts == {"lit-mia", "torchrun", "srun"}
    assert {"query", "audit", "fit"} == {ours(line)[0] for line in LINES}


@pytest.mark.parametrize("line", LINES)
def test_a_command_can_be_read(line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    with pytest.raises(SystemExit) as ended:
        run([*(word for word in ours(line) if word != "--dry-run"), "--print_config"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    assert list(tmp_path.iterdir()) == []


def ours(line: str) -> list[str]:
    """What lit-mia is given, behind a launcher that can be read."""
    launcher, *words = shlex.split(line)
    if launcher == "lit-mia":
        return words
    if launcher == "srun":
        return words[words.index("lit-mia") + 1 :]
    read = get_args_parser().parse_args(words)
    assert (read.module, read.training_script) == (True, "lit_mia")
    return list(read.training_script_args)
