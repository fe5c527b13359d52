"""The script by which a shell completes a command line."""

import shutil
import subprocess

import pytest

from lit_mia.cli.command_table import COMMANDS
from lit_mia.cli.completing import SHELLS, script


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """The file of the script for bash."""
    file = tmp_path_factory.mktemp("shell") / "lit-mia.bash"
    file.write_text(script("bash"))
    return file


def completed(bash, folder, *words):
    """What bash offers for the last of some words."""
    listed = " ".join(f"'{word}'" for word in ("lit-mia", *words))
    asked = f"source {bash}; COMP_WORDS=({listed}); COMP_CWORD={len(words)}; _shtab_lit_mia; printf '%s\\n' "
    done = subprocess.run(
        ["bash", "-c", asked + '"${COMPREPLY[@]}"'], capture_output=True, text=True, check=True, cwd=folder
    )
    return done.stdout.split()


def test_bash_knows_the_script(bash):
    done = subprocess.run(["bash", "-c", f"source {bash}; complete -p lit-mia"], capture_output=True, check=True)
    assert b"_shtab_lit_mia lit-mia" in done.stdout


def test_commands_options_and_shipped_names_are_completed(bash, tmp_path):
    (tmp_path / "own.yaml").touch()
    assert completed(bash, tmp_path, "au") == ["audit"]
    assert completed(bash, tmp_path, "") == list(COMMANDS)
    assert completed(bash, tmp_path, "audit", "--dry") == ["--dry-run"]
    assert completed(bash, tmp_path, "audit", "--config", "audit/quick") == ["audit/quickstart"]
    assert completed(bash, tmp_path, "audit", "--config", "ow") == ["own.yaml"]
    assert completed(bash, tmp_path, "sweep", "--config", "ablation/t_") == ["ablation/t_sweep"]
    assert completed(bash, tmp_path, "fit", "--model", "attack/ii_s") == ["attack/ii_s"]
    assert completed(bash, tmp_path, "configs", "statistic/sec") == ["statistic/secmi"]
    assert completed(bash, tmp_path, "completion", "") == list(SHELLS)
    for command, option in (("report", "--open"), ("selftest", "--planted"), ("init", "--csv"), ("fit", "--ckpt_path")):
        assert completed(bash, tmp_path, command, option[:-1]) == [option]
    assert "--attacks" in completed(bash, tmp_path, "audit", "--attack")
    assert completed(bash, tmp_path, "sweep", "-c", "ablation/t_") == ["ablation/t_sweep"]
    for command in ("audit", "compare", "configs"):
        assert {"--quiet", "--json"} <= set(completed(bash, tmp_path, command, "--"))


@pytest.mark.parametrize(
    "words",
    [
        ("report",),
        ("validate",),
        ("card",),
        ("compare",),
        ("compare", "runs"),
        ("report", "--open"),
        ("init", "--images"),
        ("init", "--output"),
        ("audit", "--output"),
        ("audit", "--junit"),
        ("fit", "--ckpt_path"),
    ],
)
def test_folders_and_files_are_completed_as_without_the_script(bash, tmp_path, words):
    (tmp_path / "runs").mkdir()
    assert completed(bash, tmp_path, *words, "ru") == ["runs"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script():
    subprocess.run(["zsh", "-n"], input=script("zsh"), text=True, check=True)


def test_the_script_for_zsh_completes_the_same():
    text = script("zsh")
    assert text.startswith("#compdef lit-mia")
    assert "audit/quickstart" in text
