"""Every shipped YAML file: its first line, its spelling, and that the command line understands it."""

import inspect
import re
import shlex
from pathlib import Path

import pytest
import yaml
from jsonargparse import ArgumentParser

import lit_mia.attacks
import lit_mia.cli.classes
from lit_mia.attacks.calibration import CalibratedAttack
from lit_mia.attacks.statistics import StatisticAttack
from lit_mia.audits.base import kind_of_config
from lit_mia.audits.making import maker, object_keys
from lit_mia.blocks import compose, config_folder, find_config
from lit_mia.features import Captioner, Encoder
from lit_mia.main import run
from lit_mia.targets import Target

pytestmark = pytest.mark.slow

WANDB = sorted((config_folder() / "wandb").glob("*.yaml"))
"""Sweeps that Weights & Biases runs."""
CONFIGS = [path for path in sorted(config_folder().rglob("*.yaml")) if path not in WANDB]
COMMANDS = {
    "ablation": {"sweep"},
    "audit": {"audit", "query"},
    "design": {"design"},
    "experiment": {"fit", "test", "predict"},
    "shadow": {"fit"},
}
"""Folder of runnable files to the commands that they are for."""
RUNNABLE = [path for path in CONFIGS if path.parent.name in COMMANDS]
EXPERIMENTS = [path for path in RUNNABLE if path.parent.name == "experiment"]
SWEEPS, ABLATIONS = (
    [p for p in RUNNABLE if p.parent.name == "ablation" and ("audit" in yaml.safe_load(p.read_text())) is of_an_audit]
    for of_an_audit in (False, True)
)
LINES = [(p, line) for p in RUNNABLE for line in p.read_text().splitlines() if line.startswith("# lit-mia ")]
"""Every command that a runnable file names in its comments."""
CALIBRATIONS = [path for path in CONFIGS if path.parent.name == "calibration"]
STATISTICS = [path for path in CONFIGS if path.parent.name == "statistic"]
HEADS = [path for path in CONFIGS if path.parent.name in ("attack", "head")]
PAIRS = [path for path in CONFIGS if "class_path: AuxiliaryDataModule" in path.read_text()]
ENCODERS = [path for path in CONFIGS if path.parent.name == "encoder"]
TARGETS = [path for path in CONFIGS if path.parent.name == "target"]
CAPTIONERS = [path for path in CONFIGS if path.parent.name == "captioner"]
STARTING_POINTS = {"pretrained", "init_from", "freeze_trunk"}
"""Arguments of a head that say where its weights come from; all others belong into a complete block."""

SPARSE_FLOAT = re.compile(r":\s*(\d+[eE][-+]?\d+|\.\d+|\d+\.)\s*(#.*)?$")  # YAML 1.1 reads 1e-3 as text
MACHINE_PATH = re.compile(r"(?:^|[\s'\":=])(?:/|~/|[A-Za-z]:\\|file:)\S")


def name_of(path: Path) -> str:
    return path.relative_to(config_folder()).as_posix()


def words(line: str) -> list[str]:
    """The arguments of a command in a comment, without the program."""
    return shlex.split(line.removeprefix("# lit-mia"))


def models(path: Path) -> list[dict]:
    """The heads of an experiment: in the file, or those that its commands name."""
    content = compose(path, object_keys())
    if "model" in content:
        return [content["model"]]
    given = [words(line) for other, line in LINES if other == path]
    return [compose(find_config(args[args.index("--model") + 1]), object_keys()) for args in given]


def attack_of(block: str) -> StatisticAttack:
    """The training-free attack of a block: a path, or YAML in one line."""
    assert lit_mia.cli.classes.BASES
    parser = ArgumentParser()
    parser.add_subclass_arguments(StatisticAttack, "attack")
    return parser.instantiate(parser.parse_args(["--attack", block])).attack


def test_there_are_configs():
    assert {path.parent.name for path in CONFIGS} >= {
        *COMMANDS,
        "attack",
        "captioner",
        "data",
        "logger",
        "statistic",
        "trainer",
    }


@pytest.mark.parametrize("path", RUNNABLE, ids=name_of)
def test_a_runnable_file_begins_with_its_command(path):
    first = path.read_text().splitlines()[0]
    assert first.startswith("# lit-mia ")
    program, command, *rest = shlex.split(first.removeprefix("#"))
    assert program == "lit-mia"
    assert command in COMMANDS[path.parent.name]
    assert rest[:2] == ["--config", f"configs/{name_of(path)}"]


@pytest.mark.parametrize("path", [path for path in CONFIGS if path not in RUNNABLE], ids=name_of)
def test_a_block_begins_with_what_it_is(path):
    assert re.match(r"# A block\b.*\S", path.read_text().splitlines()[0])


@pytest.mark.parametrize(("path", "line"), LINES, ids=lambda value: value[8:] if isinstance(value, str) else value.stem)
def test_every_command_in_its_comments_parses(path, line, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a config by its shipped name, and the files it names, are found from anywhere
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    with pytest.raises(SystemExit) as ended:
        run([*words(line), "--print_config"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    content = yaml.safe_load(printed.out)
    content = content.get("audit", content)  # the whole config that an ablation names
    made = content.get("people", content).get("source") or content["data"]
    made = made["source"] if "measures" in content else made  # whose data can be of one class alone
    if path in ABLATIONS:
        assert made["class_path"] == "AuxiliaryDataModule"
        assert {type(attack) for attack in content["attacks"]} == {dict}
    else:
        assert made["class_path"].startswith("datamodules.")
    assert list(tmp_path.iterdir()) == []


def test_the_experiments_that_differ_in_the_model_are_two_files():
    commands = [words(line) for path, line in LINES if path.parent.name == "experiment"]
    given = {(args[2], args[4]) for args in commands if args[3:4] == ["--model"]}
    kinds = ("i_p", "i_s", "ii_p", "ii_s", "iii", "iv")
    assert given == {
        *(("configs/experiment/openmoji.yaml", f"attack/{kind}") for kind in kinds),
        *(("configs/experiment/wu.yaml", f"attack/wu_{kind}") for kind in kinds),
    }
    epochs = {args[4]: args[6] for args in commands if args[5:6] == ["--trainer.max_epochs"]}
    assert epochs == {f"attack/wu_{kind}": "50" if kind.endswith("_p") else "200" for kind in kinds}


@pytest.mark.parametrize("path", WANDB, ids=name_of)
def test_a_sweep_of_wandb_begins_with_its_command_and_runs_a_fit(path, capsys, monkeypatch, tmp_path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8").splitlines()[0] == f"# wandb sweep configs/{name_of(path)}"
    assert content["metric"]["name"].startswith("val/")  # nothing is chosen on test
    env, program, *given, args = content["command"]
    assert (env, program, args) == ("${env}", "lit-mia", "${args}")
    ends = {name: of.get("values") or [of["min"], of["max"]] for name, of in content["parameters"].items()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["lit-mia"])
    for place in (0, -1):
        with pytest.raises(SystemExit) as ended:
            run([*given, *(f"--{name}={values[place]}" for name, values in ends.items()), "--print_config"])
        printed = capsys.readouterr()
        assert ended.value.code == 0, printed.err
        model = yaml.safe_load(printed.out)["model"]["init_args"]
        for name, values in ends.items():
            found = model[name.removeprefix("model.init_args.")]
            assert found == yaml.safe_load(str(values[place]))


@pytest.mark.parametrize("path", CONFIGS, ids=name_of)
def test_numbers_and_paths_are_spelled_for_every_machine(path):
    lines = path.read_text().splitlines()
    assert [line for line in lines if SPARSE_FLOAT.search(line)] == []
    assert [line for line in lines if MACHINE_PATH.search(line.replace("://", ""))] == []


def assert_complete(block: dict) -> None:
    head = getattr(lit_mia.attacks, block["class_path"])
    arguments = set(inspect.signature(head).parameters) - STARTING_POINTS
    assert arguments - set(block["init_args"]) == set()
    assert set(block["init_args"]) <= arguments | STARTING_POINTS


@pytest.mark.parametrize("path", EXPERIMENTS, ids=name_of)
def test_an_experiment_names_every_setting_of_its_head(path):
    assert models(path)
    for model in models(path):
        assert_complete(model)


@pytest.mark.parametrize("path", HEADS, ids=name_of)
def test_a_block_of_a_head_names_every_setting(path):
    assert_complete({"init_args": {}} | yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_pairs_name_the_encoder_that_embeds_them(path):
    content = yaml.safe_load(path.read_text())
    assert "encoder" in content.get("data", content)["init_args"]


@pytest.mark.parametrize("path", EXPERIMENTS, ids=name_of)
def test_an_experiment_has_a_seed(path):
    assert isinstance(yaml.safe_load(path.read_text())["seed_everything"], int)


@pytest.mark.parametrize("path", STATISTICS, ids=name_of)
def test_a_statistic_block_is_an_attack_at_its_settings(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    attack = attack_of(str(path))
    assert type(attack).__name__ == yaml.safe_load(path.read_text())["class_path"]
    assert len({str(setting) for setting in attack.settings()}) == len(attack.settings()) > 0


@pytest.mark.parametrize("path", CALIBRATIONS, ids=name_of)
def test_a_calibration_block_is_a_form_over_its_timesteps(path, monkeypatch, tmp_path):
    block = compose(path, object_keys())  # one of them names the block of its statistic
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    parser.add_subclass_arguments(CalibratedAttack, "attack")
    attack = parser.instantiate(parser.parse_args(["--attack", yaml.safe_dump(block, default_flow_style=True)])).attack
    assert attack.form.lower().split()[0] == path.stem.split("_")[0]
    timesteps = [999] if path.stem == "difference_conditional" else [50, 100, 200, 350, 500]
    assert [setting["t"] for _, setting in attack.asked] == timesteps * len(attack.statistics)


@pytest.mark.parametrize("path", ENCODERS, ids=name_of)
def test_an_encoder_block_is_an_encoder_that_says_what_its_first_line_says(path):
    parser = ArgumentParser()
    parser.add_subclass_arguments(Encoder, "encoder")
    encoder = parser.instantiate(parser.parse_args([f"--encoder={path}"])).encoder
    assert type(encoder).__name__ == yaml.safe_load(path.read_text())["class_path"]
    assert ("images and texts share a space" in path.read_text().splitlines()[0]) == encoder.shares_space


@pytest.mark.parametrize("path", TARGETS, ids=name_of)
def test_a_target_block_parses(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    parser.add_subclass_arguments(Target, "target")
    block = parser.parse_args(["--target", str(path)]).target
    assert block.class_path.rpartition(".")[2] == yaml.safe_load(path.read_text())["class_path"]


@pytest.mark.parametrize("path", CAPTIONERS, ids=name_of)
def test_a_captioner_block_is_a_captioner(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    parser = ArgumentParser()
    parser.add_subclass_arguments(Captioner, "captioner")
    captioner = parser.instantiate(parser.parse_args(["--captioner", str(path)])).captioner
    assert type(captioner).__name__ == yaml.safe_load(path.read_text())["class_path"]


@pytest.mark.parametrize("path", SWEEPS, ids=name_of)
def test_a_sweep_sweeps_something_and_leaves_test_alone(path):
    content = yaml.safe_load(path.read_text())
    assert set(content) == set(inspect.signature(kind_of_config("sweep", content).audit).parameters)
    assert set(content["splits"]) <= {"train", "val", "calibration"}
    attacks = [attack_of(str(yaml.safe_dump(block, default_flow_style=True))) for block in content["attacks"]]
    assert all(len(attack.settings()) > 1 for attack in attacks)


@pytest.mark.parametrize("path", ABLATIONS, ids=name_of)
def test_the_points_of_an_ablation_are_audits(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    plan = compose(path, object_keys())
    for grid in plan["points"]:
        for key, values in grid.items():
            grid[key] = [value for value in values if value in (values[0], plan.get("baseline"), values[-1])]
    ablation = maker(kind_of_config("sweep", plan).audit, plan)()
    assert len({point.settings[plan["axis"]] for point in ablation.points}) > 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "pattern"),
    [("lr: 1e-3", SPARSE_FLOAT), ("x: .5", SPARSE_FLOAT), ("path: /home/me/x", MACHINE_PATH), ("p: ~/x", MACHINE_PATH)],
)
def test_the_patterns_find_what_they_look_for(line, pattern):
    assert pattern.search(line)
    assert not pattern.search("lr: 1.0e-3")
    assert not pattern.search("data: ../data/openmoji.yaml")
