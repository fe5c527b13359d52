"""Audits of objects and of YAML, which are the same."""

import pytest
import yaml
from small_records import QUARTERS

import lit_mia
from lit_mia.attacks.statistics import SimA
from lit_mia.errors import ConfigError, HeadError, RecordError, TargetError

QUICK = {"budget.seeds": 1, "budget.max_epochs": 1}


@pytest.fixture
def planned(two_folders, tiny_pipeline_folder, tiny_clip_folder, tmp_path):
    """Makes an audit of the tiny pipeline with the two folders."""
    members, non_members = two_folders
    given = {
        "members": members,
        "non_members": non_members,
        "encoder": {"class_path": "OpenClipEncoder", "init_args": {"model": str(tiny_clip_folder)}},
        "image_size": 16,
        "fractions": QUARTERS,
        "store": tmp_path / "store",
        "settings": QUICK,
    }
    return lambda **changes: lit_mia.Audit.of(tiny_pipeline_folder, **given | changes)


def test_names_and_objects_make_what_yaml_makes(planned, tmp_path):
    of_objects = planned(attacks=["II-S", SimA(3)])
    path = tmp_path / "audit.yaml"
    text = of_objects.to_yaml(path)
    assert lit_mia.Audit.from_yaml(path).config == of_objects.config == yaml.safe_load(text)
    assert [block["class_path"].split(".")[-1] for block in of_objects.config["attacks"]] == ["AttackIIS", "SimA"]
    assert of_objects.config["data"]["class_path"] == "datamodules.AuxiliaryDataModule"
    assert of_objects.config["also"]["class_path"] == "datamodules.StatisticDataModule"
    assert of_objects.kind == "membership"
    assert of_objects.is_portable


def test_one_kind_of_attack_needs_one_datamodule(planned):
    assert planned(attacks="SimA").config["data"]["class_path"] == "datamodules.StatisticDataModule"
    assert planned(attacks="III").config["also"] is None


def test_placebo_and_base_are_asked_as_the_target_is(planned, other_pipeline_folder):
    config = planned(attacks=["II-S", "Loss"], placebo=other_pipeline_folder, base=other_pipeline_folder).config
    kinds = [config[key]["class_path"].split(".")[-1] for key in ("placebo", "also_placebo")]
    assert kinds == ["DiffusersTarget", "DenoiserTarget"]
    assert config["also"]["init_args"]["base"]["init_args"]["path"] == str(other_pipeline_folder)


def test_settings_are_laid_over_by_dotted_keys(planned):
    config = planned(attacks="II-S", settings=QUICK | {"data.split_seed": 7}).config
    assert config["data"]["init_args"]["split_seed"] == 7
    assert config["budget"]["seeds"] == 1
    shipped = lit_mia.Audit.from_yaml("audit/quickstart", {"budget.seeds": 2})
    assert shipped.config["budget"] == {"seeds": 2, "max_epochs": 100, "patience": 10, "monitor": "val/loss"} | {
        name: shipped.config["budget"][name] for name in ("accelerator", "devices")
    }


def test_an_estimate_asks_and_writes_nothing(planned, tmp_path):
    table = planned(attacks=["II-S", "Loss"]).estimate()
    assert len(table) == 2
    assert (table["missing"] > 0).all()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"attacks": []}, HeadError, "needs at least one attack"),
        ({"attacks": ["II-X"]}, ConfigError, "no attack 'II-X'"),
        ({"members": None}, RecordError, "images of both sides"),
        ({"records": "x.csv"}, RecordError, "images of both sides"),
        ({"attacks": ["SimA", "Pang-Wang"]}, HeadError, "one audit asks for one of them"),
        ({"attacks": "SimA", "settings": {"budgt.seeds": 1}}, ConfigError, "budgt"),
        ({"attacks": "SimA", "settings": {"data.stor": "x"}}, ConfigError, "stor"),
        ({"attacks": "II-S", "placebo": "no-such-folder"}, TargetError, "no-such-folder"),
        ({"attacks": "difference"}, TargetError, "base"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(planned, tmp_path, changes, error, said):
    with pytest.raises(error, match=said):
        planned(**changes)
    assert not (tmp_path / "store").exists()


def test_something_else_is_no_model(two_folders):
    with pytest.raises(TargetError):
        lit_mia.audit(object(), members=two_folders[0], non_members=two_folders[1])
