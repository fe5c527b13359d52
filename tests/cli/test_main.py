"""The table of commands: the overview, the version and what is no command."""

import os
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest

from lit_mia.cli.command_table import COMMANDS
from lit_mia.cli.completing import parsers_of
from lit_mia.main import run


def test_the_overview_names_every_command(capsys):
    for args in ([], ["--help"], ["-h"]):
        assert run(args) is None
        said = capsys.readouterr().out
        assert said.startswith("usage: lit-mia COMMAND")
        for name, command in COMMANDS.items():
            assert f"  {name:10} {command.summary}" in said


def test_the_version_is_that_of_the_package(capsys):
    run(["--version"])
    assert capsys.readouterr().out == f"lit-mia {version('lit-mia')}\n"


def test_what_is_no_command_lists_all_of_them(failure):
    said = failure("audti", "--config", "x")
    assert (
        said == f"lit-mia: There is no command 'audti'. Did you mean 'audit'? The commands are {', '.join(COMMANDS)}."
    )
    assert "Did you mean" not in failure("zzz")


@pytest.mark.parametrize("option", ["--quiet", "--config", "-c", "--helpp"])
def test_an_option_before_the_command_is_no_misspelt_command(option, failure):
    said = failure(option, "audit")
    assert said.startswith(f"lit-mia: The command comes first, before {option}: `lit-mia COMMAND [options]`.")


@pytest.mark.parametrize(
    ("args", "near"),
    [
        (["init", "--acess", "both"], "--access"),
        (["init", "--over"], "--overwrite"),  # and not taken for it: no file is lost over a shorter option
        (["report", "folder", "--galery"], "--gallery"),
        (["audit", "--config", "audit/quickstart", "--budget.seedz", "3"], "--budget.seeds"),
        (["audit", "--config", "audit/quickstart", "--dry_run"], "--dry-run"),
        (["audit", "--config", "audit/quickstart", "--data.image_sizes", "3"], "image_size"),
        (["audit", "--config", "audit/quickstart", "--conf", "other.yaml"], "--config"),
        (["design", "--imagse", "folder"], "--images"),
        (["report", "folder", "--zzz"], None),
    ],
)
def test_an_option_that_a_command_does_not_know_is_asked_about(args, near, capsys):
    with pytest.raises(SystemExit) as ended:
        run(args)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.rstrip().endswith(f". Did you mean {near}?") or not near
    assert said.count("Did you mean") == (near is not None)


def test_the_help_of_a_class_needs_no_config(capsys):
    with pytest.raises(SystemExit) as ended:
        run(["audit", "--data.help", "ShadowDataModule"])
    assert ended.value.code == 0
    assert "--data.shadow.source" in capsys.readouterr().out


def test_a_config_has_a_short_option_in_every_command(capsys):
    for command, config in (
        ("audit", "audit/quickstart"),
        ("sweep", "ablation/t_sweep"),
        ("design", "design/openmoji"),
    ):
        with pytest.raises(SystemExit) as ended:
            run([command, "-c", config, "--print_config"])
        assert ended.value.code == 0
        assert "class_path" in capsys.readouterr().out


def test_a_home_that_does_not_exist_is_told_in_one_line(failure):
    said = "A path begins with `~`, and whose folder that is cannot be told."
    for args in (
        ["report", "~no-such-user/x"],
        ["audit", "--config", "~no-such-user/x.yaml"],
        ["validate", "~no-such-user"],
    ):
        assert said in failure(*args)


def test_nothing_to_validate_is_told_in_one_line(failure):
    assert "needs the folder of a finished audit, or `--config FILE`" in failure("validate", "--json")


@pytest.mark.parametrize("command", ["card", "completion", "configs", "init", "plugins", "report"])
def test_help_says_what_a_command_does_and_not_how_its_function_is_called(command, capsys):
    with pytest.raises(SystemExit):
        run([command, "--help"])
    said = capsys.readouterr().out
    assert f"usage: lit-mia {command}" in said
    assert "Args:" not in said


def test_what_nobody_reads_ends_with_a_status_of_its_own_and_no_traceback():
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "lit_mia", "configs", "audit/quickstart", "--json"]
    ended = subprocess.run(command, stdout=writes, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writes)
    assert ended.returncode == 120
    assert "Traceback" not in ended.stderr


def test_errors_that_are_closed_are_not_told_to_the_output():
    line = f"exec {shlex.quote(sys.executable)} -m lit_mia configs nothing 2>&-"
    ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")


@pytest.mark.parametrize("name", ["null", "~", "# a"])
def test_a_file_whose_name_yaml_would_take_for_nothing_is_the_file(name):
    for command, option in (("report", "junit"), ("card", "output"), ("compare", "output"), ("design", "images")):
        folders = {"compare": ["a", "b"], "design": []}.get(command, ["a"])
        assert next(parsers_of(command)).parse_args([*folders, f"--{option}", name])[option] == name
