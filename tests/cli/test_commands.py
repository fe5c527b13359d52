"""`audit`, `query`, `report` and `sweep` on a tiny kind of audit: what they do whatever the kind."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
import yaml
from tiny_audit import read

from lit_mia.blocks import config_folder
from lit_mia.cli.commands import parse
from lit_mia.main import run

pytestmark = pytest.mark.slow

LOGGER = {"project": "counts", "name": "own", "save_dir": "logs", "offline": True}


@pytest.fixture(autouse=True)
def inside(tiny_kinds):
    """A folder with a config of its own for each kind, which are the only ones."""
    return tiny_kinds


def printed(capsys, *args):
    with pytest.raises(SystemExit) as ended:
        run([*args, "--print_config"])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    return yaml.safe_load(said.out)


def names(blocks):
    return [block["class_path"].rpartition(".")[-1] for block in blocks]


def test_an_audit_writes_everything_and_says_where(inside, capsys):
    result = run(["audit", "--config", "own.yaml"])
    said = capsys.readouterr().out
    output = inside / "runs/own"
    assert said == (
        "2 attacks\n\nNumbers: runs/own/audit.json\nReport:  runs/own/report.html\n\n"
        "Next: Open the report: `lit-mia report runs/own --open`.\n"
    )
    assert {path.name for path in output.iterdir()} == {"audit.json", "attacks.csv", "audit.yaml", "report.html"}
    config = yaml.safe_load((output / "audit.yaml").read_text())
    assert config == read(output)["config"] == dict(result.config)
    assert set(config) == {"attacks", "target", "placebo", "schedule", "mode"}
    assert config["schedule"] == {"repeats": 3, "rate": 0.001}
    assert result.attacks == ("I-P", "II-S")
    assert "picture" not in (output / "report.html").read_text()


def test_a_saved_config_is_a_config(inside):
    first = run(["audit", "--config", "own.yaml"])
    again = run(["audit", "--config", "runs/own/audit.yaml", "--output", "again"])
    assert (again.name, again.config) == ("audit", first.config)


def test_a_sweep_is_the_same_command_over_a_whole_config_as_a_block(inside, capsys):
    result = run(["sweep", "--config", "swept.yaml", "--output", "out"])
    assert capsys.readouterr().out.endswith("Next: Open the report: `lit-mia report out --open`.\n")
    assert result.attacks == ("I-P", "II-S")
    assert names(result.config["audit"]["attacks"]) == ["AttackIP", "AttackIIS"]
    assert read(inside / "out")["schema"] == "tiny-sweep/1"
    assert yaml.safe_load((inside / "out/audit.yaml").read_text()) == dict(result.config)


def test_options_stand_beside_the_config_in_yaml_too(inside):
    Path("own.yaml").write_text("attacks: attack/list.yaml\noutput: elsewhere\ngallery: true\nmode: other\n")
    Path("attack").mkdir()
    Path("attack/list.yaml").write_text("[class_path: AttackIV, class_path: AttackIII]")
    run(["audit", "--config", "own.yaml"])
    assert "picture of IV picture of III" in (inside / "elsewhere/report.html").read_text()
    assert read(inside / "elsewhere")["name"] == "own-other"  # an audit's suffix keeps results apart
    assert "gallery" not in read(inside / "elsewhere")["config"]


def test_the_suffix_names_the_folder(inside):
    run(["audit", "--config", "own.yaml", "--mode", "other"])
    assert (inside / "runs/own-other/audit.json").is_file()


@pytest.mark.parametrize("command", ["audit", "query"])
def test_a_dry_run_says_what_it_would_cost(inside, capsys, command):
    assert run([command, "--config", "own.yaml", "--dry-run"]) is None
    said = capsys.readouterr().out
    assert said == (
        "target: 3 records, 3 missing queries, 0 NFE, time unknown until the first fill\nNothing was asked.\n"
    )
    assert not (inside / "runs").exists()


def test_query_says_what_was_spent(inside, capsys):
    run(["query", "--config", "own.yaml"])
    assert "target: 3 queries, 0 denoiser evaluations, 0 s" in capsys.readouterr().out
    assert not (inside / "runs").exists()


@pytest.mark.parametrize(("command", "name"), [("audit", "own"), ("sweep", "swept")])
def test_report_rebuilds_the_page_of_any_kind(inside, capsys, command, name):
    run([command, "--config", f"{name}.yaml"])
    page = inside / f"runs/{name}/report.html"
    before = page.read_text()
    page.unlink()
    capsys.readouterr()
    run(["report", f"runs/{name}"])
    assert capsys.readouterr().out == f"runs/{name}/report.html\n"
    assert page.read_text() == before
    run(["report", f"runs/{name}", "--gallery"])
    assert "picture of I-P picture of II-S" in page.read_text()
    run(["report", f"runs/{name}"])
    assert page.read_text() == before


def test_report_needs_the_config_only_for_pictures(inside, failure):
    run(["audit", "--config", "own.yaml"])
    (inside / "runs/own/audit.yaml").unlink()
    run(["report", "runs/own"])
    assert "runs/own/audit.yaml cannot be read" in failure("report", "runs/own", "--gallery")
    (inside / "runs/own/audit.yaml").write_text("attacks: [AttackIP]\nmode: strange")
    assert "no config of TinyAudit" in failure("report", "runs/own", "--gallery")
    (inside / "runs/own/audit.json").write_text('{"schema": "none/1"}')
    assert "this version of lit-mia reads tiny/1, tiny-sweep/1" in failure("report", "runs/own")


def test_blocks_are_overrides_too(inside, capsys):
    Path("block.yaml").write_text("class_path: AttackIII")
    changes = [
        "--placebo",
        "target/openmoji_shadow",
        "--target=configs/target/openmoji_demo.yaml",
        "--attacks+=attack/iv",
    ]
    config = printed(capsys, "audit", "--config", "own.yaml", *changes, "--attacks+", "block.yaml")
    assert config["target"]["init_args"]["path"] == "shipped:openmoji-demo"
    assert config["placebo"]["init_args"]["path"] == "shipped:openmoji-shadow"
    assert names(config["attacks"]) == ["AttackIP", "AttackIIS", "AttackIV", "AttackIII"]
    config = printed(capsys, "audit", "--config", "own.yaml", *changes, "--placebo", "null", "--target.steps=7")
    assert config["placebo"] is None
    assert config["target"]["init_args"]["steps"] == 7
    config = printed(capsys, "audit", "--config", "own.yaml", "--attacks", "[attack/iv, block.yaml, AttackIP]")
    assert names(config["attacks"]) == ["AttackIV", "AttackIII", "AttackIP"]
    assert printed(capsys, "audit", "--config", "own.yaml", "--schedule.repeats", "9")["schedule"]["repeats"] == 9
    assert {path.name for path in inside.iterdir()} == {"own.yaml", "swept.yaml", "block.yaml"}


def test_later_configs_are_laid_over_earlier_ones(inside, capsys):
    Path("more.yaml").write_text("target: target/openmoji_demo\nattacks+: attack/iv\nschedule: {repeats: 5}")
    files = ["--config", "own.yaml", "--config=more.yaml"]
    config = printed(capsys, "audit", *files)
    assert names(config["attacks"]) == ["AttackIP", "AttackIIS", "AttackIV"]
    assert config["schedule"] == {"repeats": 5, "rate": 0.001}
    assert parse("audit", files).run.name == "more"
    assert run(["audit", *files]).target == parse("audit", files).audit.target.name


def test_an_audit_of_an_installed_package_finds_its_blocks(tmp_path, inside):
    installed = tmp_path / "site-packages"
    for package in ("lit_mia", "datamodules"):
        shutil.copytree(config_folder().parent / package, installed / package, ignore=shutil.ignore_patterns("assets"))
    shutil.copytree(config_folder(), installed / "lit_mia/configs")
    command = ["fit", "--config", "experiment/attack_iv_openmoji", "--model", "attack/ii_s", "--print_config"]
    done = subprocess.run(
        [sys.executable, "-m", "lit_mia", *command],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(installed), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load(done.stdout)
    assert config["model"]["class_path"] == "lit_mia.attacks.AttackIIS"
    assert config["data"]["init_args"]["target"]["init_args"]["path"] == "shipped:openmoji-demo"


def test_a_logger_in_yaml_makes_a_run_at_a_time(inside, read_wandb):
    logger = {"class_path": "WandbLogger", "init_args": LOGGER}
    Path("own.yaml").write_text(yaml.safe_dump({"attacks": ["attack/i_p", "attack/iv"], "logger": logger}))
    result = run(["audit", "--config", "own.yaml", "--logger.project=other"])
    runs = read_wandb(inside / "logs")
    assert [logged.summary["attacks"] for logged in runs] == [2, 2]
    assert {tuple(logged.group) for logged in runs} == {("own",)}
    assert "logger" not in result.config


def test_a_logger_without_a_key_ends_in_one_line_after_the_files_are_written(inside, monkeypatch, capsys):
    for variable in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NETRC", str(inside / "no-netrc"))
    with pytest.raises(SystemExit) as ended:
        run(["audit", "--config", "own.yaml", "--logger=WandbLogger", "--logger.project=counts"])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "Report:  runs/own/report.html" in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("lit-mia: ")]
    assert "files of the audit are written, but Weights & Biases took no run: No API key" in line
    assert (inside / "runs/own/report.html").is_file()
    wandb.teardown()  # which keeps what the environment was


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["audit"], "`lit-mia audit` needs `--config FILE`, or a shipped name such as audit/quickstart"),
        (["sweep"], "`lit-mia sweep` needs `--config FILE`, or a shipped name such as ablation/"),
        (["sweep", "--config", "nowhere"], "no config 'nowhere'.*`lit-mia configs` lists them"),
        (["query", "--config", "swept.yaml"], "'swept' is not for `lit-mia query`.*Run `lit-mia sweep`"),
        (
            ["audit", "--config", "swept.yaml"],
            "'swept' is not for `lit-mia audit`.*sweep of counts. Run `lit-mia sweep`",
        ),
        (["sweep", "--config", "own.yaml"], "'own' is not for `lit-mia sweep`.*count. Run `lit-mia audit`"),
        (["audit", "--config", "list.yaml"], "list.yaml holds a list, but a config is a mapping"),
        (["audit", "--config", "empty.yaml"], "empty.yaml holds nothing, but a config is a mapping"),
        (
            ["audit", "--config", "own.yaml", "--placebo", "target/openmoji_shadw"],
            "Did you mean .*target/openmoji_shadow",
        ),
        (["audit", "--config", "own.yaml", "--schedule.repeats", "0"], "`repeats` must be at least 1, but got 0"),
        (["report", "nowhere"], "There is no report at nowhere/audit.json"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(inside, failure, args, message):
    Path("list.yaml").write_text("[1]")
    Path("empty.yaml").write_text("")
    assert re.search(message, failure(*args))
    assert not (inside / "runs").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mode", "strange"], 'Parser key "mode"'),
        (["--nonsense", "1"], "nonsense"),
        (["--attacks", "[II-S]"], 'Parser key "attacks"'),
    ],
)
def test_what_the_parser_refuses_is_status_2_too_and_readable(inside, capsys, args, message):
    with pytest.raises(SystemExit) as ended:
        run(["audit", "--config", "own.yaml", *args])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert "{" not in said.partition("error:")[2]  # not the whole config again


def test_a_config_inside_a_config_stays_a_config(inside):
    Path("own.yaml").write_text("attacks: [{class_path: lit_mia.attacks.AttackIP}, lit_mia.attacks.AttackIII]")
    sweep = parse("sweep", ["--config", "swept.yaml"]).audit
    assert names(sweep.config["attacks"]) == ["AttackIP", "AttackIII"]
    assert sweep.points == [{"attacks.0": ["configs/attack/iii.yaml"]}]
