"""Audits of objects and of YAML, which are the same."""

import copy
import gc
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_records import QUARTERS

import lit_mia
from lit_mia.attacks.statistics import SimA
from lit_mia.errors import (
    CommandError,
    ConfigError,
    DesignError,
    FolderError,
    HeadError,
    RecordError,
    SplitError,
    TargetError,
)

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
        ({"records": "x.csv", "members": None}, RecordError, "or `records` alone"),
        ({"attacks": ["SimA", "Pang-Wang"]}, HeadError, "one audit asks for one of them"),
        ({"attacks": "SimA", "settings": {"budgt.seeds": 1}}, ConfigError, "budgt"),
        ({"attacks": "SimA", "settings": {"data.stor": "x"}}, ConfigError, "stor"),
        ({"attacks": "II-S", "placebo": "no-such-folder"}, TargetError, "no-such-folder"),
        ({"attacks": "difference"}, TargetError, "base"),
        ({"attacks": None}, ConfigError, "`attacks` must be names"),
        ({"attacks": ["SimA", None]}, ConfigError, "`attacks` must be names"),
        ({"attacks": "SimA", "settings": "budget.seeds=1"}, ConfigError, "`settings` must be values by dotted key"),
        ({"attacks": "SimA", "settings": {5: 1}}, ConfigError, "`settings` must be values by dotted key"),
        ({"attacks": "SimA", "settings": {"output": "x"}}, ConfigError, "output are options of the command"),
        ({"attacks": "SimA", "image_size": 0}, RecordError, "`image_size` must be between 1"),
        ({"attacks": "SimA", "image_size": 16.5}, RecordError, "whole number of pixels, but is 16.5"),
        ({"attacks": "SimA", "image_size": True}, RecordError, "whole number of pixels, but is True"),
        ({"attacks": "SimA", "fractions": 5}, ConfigError, "fractions"),
        ({"attacks": "SimA", "fractions": None}, SplitError, "four positive numbers"),
        ({"attacks": "SimA", "settings": {"budget": 1}}, ConfigError, "`budget` holds several values"),
        ({"attacks": "SimA", "store": 5}, FolderError, "`store` must be a path, .* but is 5"),
        ({"attacks": "SimA", "name": "../x"}, ConfigError, "text without slashes, but is '../x'"),
        ({"members": None, "non_members": None, "records": "", "attacks": "SimA"}, RecordError, "no folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(planned, tmp_path, changes, error, said):
    with pytest.raises(error, match=said):
        planned(**changes)
    assert not (tmp_path / "store").exists()


def test_something_else_is_no_model(two_folders):
    with pytest.raises(TargetError):
        lit_mia.audit(object(), members=two_folders[0], non_members=two_folders[1])


def test_a_number_of_numpy_is_a_number(planned):
    assert planned(attacks="II-S", image_size=np.int64(16)).config == planned(attacks="II-S").config


def test_an_audit_of_yaml_holds_what_is_in_memory_only(planned, tiny_pipeline_folder, tmp_path):
    from diffusers import DiffusionPipeline

    named = lit_mia.DiffusersTarget.from_pipeline(DiffusionPipeline.from_pretrained(tiny_pipeline_folder), steps=2)
    path = tmp_path / "audit.yaml"
    planned(attacks="II-S", settings=QUICK | {"data.target": named}).to_yaml(path)
    again = lit_mia.Audit.from_yaml(path)
    del named
    gc.collect()
    assert (again.estimate()["missing"] > 0).all()
    del again
    gc.collect()
    with pytest.raises(TargetError, match=r"is there no longer\. Give it here again"):
        lit_mia.Audit.from_yaml(path)


def test_all_attacks_of_records_without_captions_are_those_that_need_none(planned, tiny_pipeline_folder, two_folders):
    pictures = [sorted(folder.glob("*.png")) for folder in two_folders]
    bare = dict(zip(("members", "non_members"), pictures, strict=True), attacks="all")
    assert len(planned(**bare).config["attacks"]) == 6
    generating = lit_mia.DiffusersTarget(str(tiny_pipeline_folder))
    with pytest.raises(RecordError, match="All attacks on pipeline ask by captions, but the records have none"):
        lit_mia.Audit.of(generating, members=pictures[0], non_members=pictures[1])


def test_a_copy_is_the_same_audit(planned, tiny_pipeline_folder):
    from diffusers import DiffusionPipeline

    named = lit_mia.DiffusersTarget.from_pipeline(DiffusionPipeline.from_pretrained(tiny_pipeline_folder), steps=2)
    audit = planned(attacks="II-S", settings=QUICK | {"data.target": named})
    del named
    for again in (copy.copy(audit), copy.deepcopy(audit), pickle.loads(pickle.dumps(audit))):
        assert (again.config, again.name, again.folder()) == (audit.config, audit.name, audit.folder())
        assert (again.estimate()["missing"] > 0).all()


def test_a_class_of_a_notebook_is_in_no_other_process(planned, monkeypatch):
    main = sys.modules["__main__"]
    own = type("Own", (SimA,), {"__module__": "__main__", "__doc__": "An attack."})
    monkeypatch.setattr(main, "Own", own, raising=False)
    monkeypatch.setattr(main, "__file__", "script.py", raising=False)
    assert planned(attacks=own(3)).is_portable
    monkeypatch.delattr(main, "__file__")
    assert not planned(attacks=own(3)).is_portable
    assert planned(attacks=SimA(3)).is_portable


@pytest.mark.parametrize("target", [lit_mia.DiffusersTarget, lit_mia.DenoiserTarget])
@pytest.mark.parametrize("path", [None, Path("pipeline"), object()])
def test_what_is_no_text_is_no_path_of_a_pipeline(target, path):
    with pytest.raises(TargetError, match="A pipeline in memory is given to `from_pipeline`"):
        target(path)


def test_one_attack_needs_no_list_and_an_array_is_a_list(planned):
    fractions = np.array(QUARTERS)
    block, attack = ({"class_path": "SimA", "init_args": {"t": 3}}, SimA(3))
    assert planned(attacks=block).config == planned(attacks=attack, fractions=fractions).config


def test_audits_without_a_name_have_folders_of_their_own(planned):
    folders = {planned(attacks=attack).folder() for attack in ("SimA", "SimA", "PIA")}
    assert len(folders) == 2
    assert all(folder.name.startswith("pipeline-") for folder in folders)


def test_records_of_unknown_membership_are_told_before_the_model_is_asked(planned, two_folders, tmp_path):
    audit = planned(attacks="SimA", members=None, non_members=None, records=two_folders[0])
    with pytest.raises(SplitError, match="The records are 0 members and 0 non-members"):
        audit.run(tmp_path / "out")
    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_a_file_that_cannot_be_written_is_told(planned, tmp_path):
    audit = planned(attacks="SimA", name="mine")
    assert audit.folder() == Path("runs/mine")
    with pytest.raises(FolderError, match="Give a file in a folder that is there"):
        audit.to_yaml(tmp_path / "nowhere" / "audit.yaml")
    with pytest.raises(FolderError, match="`output` must be a path"):
        audit.folder(5)


def test_only_an_audit_that_can_be_repeated_is_tested():
    with pytest.raises(CommandError, match="but this is of the type int"):
        lit_mia.selftest(5)


def test_a_design_is_not_written_among_its_images(two_folders):
    with pytest.raises(CommandError, match="its images would be designed again"):
        lit_mia.design(two_folders[0], two_folders[0] / "design")
    with pytest.raises(DesignError, match=r"`canaries` must be of .*Canaries`, but is 5"):
        lit_mia.design(two_folders[0], two_folders[0].parent / "design", canaries=5)
    with pytest.raises(DesignError, match="but got 'half'"):
        lit_mia.design(two_folders[0], two_folders[0].parent / "design", include="half")
