"""Blocks by path and by shipped name, in files anywhere and in an installed package."""

import re
import shutil

import pytest
import yaml

import lit_mia.blocks
from datamodules import AuxiliaryDataModule
from lit_mia.attacks import AuditedAttack
from lit_mia.blocks import ObjectKeys, compose, config_folder, find_config, placed, shipped_names
from lit_mia.cli.classes import BASES
from lit_mia.errors import ConfigError
from lit_mia.targets import Target

QUICKSTART = config_folder() / "audit/quickstart.yaml"
DEMO = yaml.safe_load((config_folder() / "target/openmoji_demo.yaml").read_text())
II_S = yaml.safe_load((config_folder() / "attack/ii_s.yaml").read_text())
BEST = yaml.safe_load((config_folder() / "callbacks/best_on_val.yaml").read_text())


class Question:
    """Stands for an audit, which is the root of the classes that a config names."""

    def __init__(
        self, data: AuxiliaryDataModule, attacks: list[AuditedAttack], placebo: Target | None, audit: dict[str, object]
    ):
        pass


@pytest.fixture(scope="module")
def keys():
    return ObjectKeys([Question, *BASES.values()], {"model", "data", "trainer", "logger", "callbacks"})


@pytest.fixture
def composed(tmp_path, keys):
    """Composes a file of some folder in which files lie."""

    def compose_files(content, **files):
        for name, text in {"own.yaml": content, **{f"{name}.yaml": text for name, text in files.items()}}.items():
            (tmp_path / name).write_text(text if isinstance(text, str) else yaml.safe_dump(text))
        return compose(tmp_path / "own.yaml", keys)

    return compose_files


@pytest.mark.parametrize(
    "name", ["audit/quickstart", "audit/quickstart.yaml", "configs/audit/quickstart", "configs/audit/quickstart.yaml"]
)
def test_a_shipped_config_is_found_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == QUICKSTART


def test_a_path_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit").mkdir()
    own = tmp_path / "audit/quickstart.yaml"
    own.write_text("design: canary")
    assert find_config(str(own)) == own
    assert find_config("audit/quickstart.yaml").resolve() == own
    assert find_config("audit/quickstart") == QUICKSTART


def test_an_unknown_config_is_answered_by_the_nearest_and_by_where_the_names_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError,
        match=r"no config 'audit/quick'\. Did you mean audit/quickstart\? .* `lit-mia configs` lists them\.$",
    ):
        find_config("audit/quick")


@pytest.mark.parametrize(("content", "held"), [("", "nothing"), ("- attack/ii_s", "a list"), ("attack/ii_s", "a str")])
def test_what_is_no_config_is_refused(composed, content, held):
    with pytest.raises(ConfigError, match=f"own.yaml holds {held}, but a config is a mapping"):
        composed(content)


@pytest.mark.parametrize("name", ["attack/ii_s", "configs/attack/ii_s", "attack/ii_s.yaml", "configs/attack/ii_s.yaml"])
def test_a_shipped_name_is_a_block_wherever_an_object_is_expected(composed, name):
    content = composed({"attacks": [name, "AttackIP"], "placebo": "target/openmoji_demo", "model": name})
    assert content == {"attacks": [II_S, "AttackIP"], "placebo": DEMO, "model": II_S}


def test_a_file_wins_over_a_shipped_name(composed, tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack/ii_s.yaml").write_text("class_path: AttackIV")
    content = composed({"attacks": ["attack/ii_s.yaml", "attack/ii_s"]})
    assert content == {"attacks": [{"class_path": "AttackIV"}, II_S]}


def test_a_path_starts_from_the_file_that_names_it(composed, tmp_path):
    (tmp_path / "blocks/inner").mkdir(parents=True)
    (tmp_path / "blocks/data.yaml").write_text("init_args: {target: inner/target.yaml, source: source/faces, store: s}")
    (tmp_path / "blocks/inner/target.yaml").write_text("class_path: T\ninit_args: {steps: 1e-3}")
    content = composed("data: blocks/data.yaml")
    faces = yaml.safe_load((config_folder() / "source/faces.yaml").read_text())
    target = {"class_path": "T", "init_args": {"steps": 0.001}}
    assert content == {"data": {"init_args": {"target": target, "source": faces, "store": "s"}}}


def test_a_block_that_is_a_list_takes_the_place_of_an_item(composed):
    own = {"class_path": "TrackScores"}
    content = composed(
        {"trainer": {"callbacks": ["callbacks/best_on_val", own], "callbacks+": "callbacks/best_on_val"}}
    )
    assert content == {"trainer": {"callbacks": [*BEST, own], "callbacks+": BEST}}


def test_a_text_that_is_no_object_is_never_touched(composed):
    content = {
        "path": "own.yaml",
        "store": "target/openmoji_demo",
        "placebo": None,
        "encoder": {"class_path": "OpenClipEncoder", "init_args": {"model": "encoder/mine"}},
        "data": {
            "class_path": "datamodules.AuxiliaryDataModule",
            "init_args": {
                "source": {"class_path": "OpenMojiSource", "init_args": {"target": "demo"}},
                "store": "x.yaml",
            },
        },
        "target": {"class_path": "DiffusersTarget", "init_args": {"original_config": "own.yaml", "model": "org/name"}},
        "attacks": ["some.package.Attack"],
    }
    assert composed(content) == content


def test_a_dotted_key_names_a_place_in_another_config_where_a_block_stays_a_path(composed, tmp_path):
    within = {"class_path": "GeneratedSource", "init_args": {"store": "target/openmoji_demo", "source": "other.yaml"}}
    points = [
        {"data.init_args.target": ["other.yaml", "target/openmoji_demo", None, within], "data.init_args.steps": [1, 2]}
    ]
    content = composed({"points": points, "baseline": "other.yaml"}, other="class_path: T")
    within["init_args"]["source"] = {"class_path": "T"}
    target = [str(tmp_path / "other.yaml"), str(config_folder() / "target/openmoji_demo.yaml"), None, within]
    assert content["points"] == [{"data.init_args.target": target, "data.init_args.steps": [1, 2]}]
    assert content["baseline"] == "other.yaml"


def test_a_whole_config_can_be_a_block(composed, keys):
    content = composed("audit: audit/quickstart\naxis: x")
    assert content["audit"] == compose(QUICKSTART, keys)
    assert content["audit"]["data"]["init_args"]["target"] == DEMO
    assert [attack["class_path"] for attack in content["audit"]["attacks"]][:2] == ["AttackIP", "AttackIS"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "attacks: [none.yaml]",
            "^`attacks.0` of .*own.yaml names the block 'none.yaml', but there is neither such a file",
        ),
        (
            "data: {init_args: {target: target/openmoji_dem}}",
            "`data.init_args.target` of .*Did you mean target/openmoji_",
        ),
        ("placebo: target/openmoji_ddpn", "`placebo` of .* 'target/openmoji_ddpn'.*target/openmoji_ddpm"),
        ("points: [{data.target: [attack/openmoji_demo]}]", "`points.0.data.target.0`.*target/openmoji_demo"),
        (
            "placebo: other.yaml",
            r"`target` of .*other\.yaml names .*own\.yaml, which leads back to itself: .* → .*other",
        ),
        ("model: broken.yaml", r"broken\.yaml, which `model` of .*own\.yaml names, cannot be read as YAML: .*line 1"),
        ("model: binary.yaml", r"binary\.yaml, which .* cannot be read as YAML: 'utf-8'"),
        ("model: empty.yaml", r"`model` of .*own\.yaml names .*empty\.yaml, which holds nothing, but a block is a"),
        ("model: number.yaml", r"`model` of .*own\.yaml names .*number\.yaml, which holds 42, but a block is a"),
        ("a: &x [*x]", r"own\.yaml an alias \(\*\) stands inside what it stands for"),
        ("a: [", r"own\.yaml cannot be read as YAML: while parsing"),
        ("a: 1\nb: {c: 1, d: [{e: 2, e: 2}]}", r"own\.yaml .*: `e` stands twice, in lines 2 and 2"),
        (
            "attacks: [x]\nseed: 1\nattacks: [y]",
            r"`attacks` stands twice, in lines 1 and 3, and only one of them",
        ),
    ],
)
def test_what_cannot_be_put_in_its_place_is_named(composed, tmp_path, content, message):
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=message) as error:
        composed(content, other="target: own.yaml", broken="{a: [1}", empty="", number="42")
    assert len(str(error.value).splitlines()) == 1


def test_values_without_a_file_start_from_the_working_directory(tmp_path, monkeypatch, keys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("class_path: T")
    assert placed({"placebo": "own.yaml"}, keys) == {"placebo": {"class_path": "T"}}
    assert placed(["own.yaml", "attack/ii_s"], keys, "attacks") == [{"class_path": "T"}, II_S]
    with pytest.raises(ConfigError, match=r"`data\.init_args\.target` of the command line names the block 'no"):
        placed("no.yaml", keys, "data.init_args.target")


def test_blocks_resolve_in_an_installed_package(tmp_path, monkeypatch, keys, composed):
    names, quickstart = shipped_names(), compose(QUICKSTART, keys)
    installed = tmp_path / "site-packages/lit_mia"
    shutil.copytree(config_folder(), installed / "configs")
    monkeypatch.setattr(lit_mia.blocks.composing, "PACKAGE", installed)
    assert config_folder() == installed / "configs"
    assert shipped_names() == names
    assert compose(find_config("audit/quickstart"), keys) == quickstart
    assert composed("placebo: target/openmoji_demo") == {"placebo": DEMO}
    shutil.rmtree(installed / "configs/target")
    with pytest.raises(ConfigError, match=re.escape(str(installed))):
        compose(find_config("audit/quickstart"), keys)
