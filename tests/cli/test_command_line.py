"""Configs and blocks on a command line."""

import pytest

from lit_mia.blocks import ObjectKeys, compose, config_folder, find_config, loads
from lit_mia.cli.commands import resolve
from lit_mia.errors import ConfigError
from lit_mia.targets import Target

KEYS = ObjectKeys([Target], {"data", "attacks", "target", "model"})
QUICKSTART = compose(find_config("audit/quickstart"), KEYS)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_config_of_a_command_line_is_put_in_its_place(tmp_path):
    (tmp_path / "own.yaml").write_text("design: canary\nnew: 1")
    args = ["--config", "audit/quickstart", "--x=1", "--config=configs/audit/quickstart.yaml", "-c", "own.yaml"]
    line = resolve(args, KEYS)
    assert [line.args[i] for i in (0, 3, 5)] == ["--config", "-c", "--x=1"]  # which a config would override after it
    assert loads(line.args[1]) == loads(line.args[2].removeprefix("--config=")) == QUICKSTART
    assert loads(line.args[4]) == {"design": "canary", "new": 1}
    assert (line.name, line.config) == ("own", QUICKSTART | {"design": "canary", "new": 1})
    assert all(len(arg.splitlines()) == 1 for arg in line.args)


def test_without_a_config_there_is_no_name():
    assert resolve(["--dry-run"], KEYS).name == ""
    assert resolve(["--config"], KEYS).args == ("--config",)  # the parser says that a value is missing
    with pytest.raises(ConfigError, match="nowhere"):
        resolve(["--config=nowhere"], KEYS)


def test_blocks_are_known_by_the_last_part_of_their_option():
    demo = loads((config_folder() / "target/openmoji_demo.yaml").read_text())
    args = ["--data.init_args.target", "target/openmoji_demo", "--attacks+=[target/openmoji_demo, X]"]
    line = resolve(args, KEYS)
    assert loads(line.args[1]) == demo
    assert loads(line.args[2].removeprefix("--attacks+=")) == [demo, "X"]


@pytest.mark.parametrize(
    "option", ["--data.target.negative_prompt", "--data.init_args.target.init_args.negative_prompt"]
)
def test_a_null_that_the_parser_would_take_for_a_text_is_refused(option):
    message = rf"`{option} null` cannot be told.*`negative_prompt: null` at its place"
    for args in ([option, "null"], [f"{option}=null"], [option, "~"]):
        with pytest.raises(ConfigError, match=message):
            resolve(["--config", "audit/quickstart", *args], KEYS)
    args = ["--data.encoder", "null", "--placebo=null", option, "none"]
    assert resolve(["--config", "audit/quickstart", *args], KEYS).args[2:] == tuple(args)


@pytest.mark.parametrize(("owner", "is_block"), [("DiffusersTarget", False), ("Unknown", True)])
def test_an_option_is_a_block_if_its_class_expects_an_object_there(tmp_path, owner, is_block):
    (tmp_path / "own.yaml").write_text(f"data: {{class_path: T, init_args: {{target: {{class_path: {owner}}}}}}}")
    line = resolve(["--data.target.model", "attack/ii_s", "--config", "own.yaml"], KEYS)
    assert (line.args[-1] != "attack/ii_s") == is_block


@pytest.mark.parametrize(
    "args",
    [
        ["--store", "target/openmoji_demo"],
        ["--path=x.yaml"],
        ["--data.init_args.target.init_args.path", "target/openmoji_demo"],
        ["--model", "AttackIIS"],
        ["--model", "../attack/own"],
        ["--model", "/attack/own"],
        ["--model", "some.module.Head"],
        ["--target=null"],
        ["--target={class_path: T, init_args: {rate: 1e-3}}"],
        ["--attacks=[broken"],
        ["--model.lr=1e-3", "--dry-run"],
        ["--model"],
        ["folder", "--gallery"],
    ],
)
def test_everything_else_stays_as_it_is(args):
    assert list(resolve(args, KEYS).args) == args
