"""How a config is named on the command line."""

import pytest

from lit_mia.cli.configs import ConfigError, config_folder, find_config, resolve_configs

QUICKSTART = str(config_folder() / "audit/quickstart.yaml")


@pytest.mark.parametrize(
    "name", ["audit/quickstart", "audit/quickstart.yaml", "configs/audit/quickstart", "configs/audit/quickstart.yaml"]
)
def test_a_shipped_name_is_found_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == QUICKSTART


def test_a_path_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit").mkdir()
    own = tmp_path / "audit/quickstart.yaml"
    own.write_text("design: canary")
    assert find_config(str(own)) == str(own)
    assert find_config("audit/quickstart.yaml") == "audit/quickstart.yaml"
    assert find_config("audit/quickstart") == QUICKSTART


def test_an_unknown_name_lists_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"no config 'audit/quick'.*audit/quickstart.*experiment/attack_ii_s_openmoji"
    ):
        find_config("audit/quick")


def test_every_config_of_a_command_line_is_resolved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [
        "--config",
        "audit/quickstart",
        "--config=configs/audit/quickstart.yaml",
        "--x=1",
        "-c",
        "audit/quickstart",
    ]
    assert resolve_configs(given) == [
        "--config",
        QUICKSTART,
        f"--config={QUICKSTART}",
        "--x=1",
        "--config",
        QUICKSTART,
    ]
    assert resolve_configs(["--config"]) == ["--config"]  # the parser says that a value is missing
    with pytest.raises(ConfigError, match="nowhere"):
        resolve_configs(["--config=nowhere"])
