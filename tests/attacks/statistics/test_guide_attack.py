"""The attack of docs/guides/write_attack.md is what the guide says."""

import importlib

import pytest
import yaml
from guide_code import written_files

from lit_mia.main import run


@pytest.fixture
def files(tmp_path, monkeypatch):
    written_files("write_attack.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    return tmp_path


def test_its_test_passes(files):
    importlib.import_module("test_my_attacks").test_it_is_the_mean_of_losses()


def test_it_finds_memorised_images_at_the_cost_that_it_has(files, planted, cost):
    attack = importlib.import_module("my_attacks").MeanLoss()
    assert planted.auc(attack) > 0.9
    assert cost(attack) == 3


@pytest.mark.slow
def test_its_command_is_understood(files, capsys):
    with pytest.raises(SystemExit) as ended:
        run(
            [
                "audit",
                "--config",
                "audit/openmoji_statistics",
                "--attacks",
                "[mean_loss.yaml, statistic/loss]",
                "--print_config",
            ]
        )
    assert ended.value.code == 0
    first, second = yaml.safe_load(capsys.readouterr().out)["attacks"]
    assert first == {"class_path": "my_attacks.MeanLoss", "init_args": {"timesteps": [100, 200, 300]}}
    assert second["class_path"].endswith("Loss")
