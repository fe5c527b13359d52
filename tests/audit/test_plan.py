"""What an ablation varies: the order of its points, where values go, and what they are called."""

from pathlib import Path

import pytest

from lit_mia.audit.plan import AblationPlan, files_from, label, value_at, with_values
from lit_mia.errors import PlanError

CONFIG = {
    "data": {"class_path": "datamodules.A", "init_args": {"target": {"class_path": "T", "init_args": {"steps": 10}}}},
    "attacks": [
        {"class_path": "lit_mia.attacks.AttackIIS", "init_args": {"operation": "squared", "lr": 0.1}},
        {"class_path": "AttackIII", "init_args": {"operation": "squared"}},
    ],
    "placebo": None,
}
STEPS, OPERATION = "data.init_args.target.init_args.steps", "attacks.*.init_args.operation"


def test_points_come_in_the_order_of_grids_keys_and_values():
    grids = [{"z": [1, 2], "a": ["x", "y"]}, {"z": [3]}]
    assert AblationPlan("audit", "z", grids).grid() == [
        {"a": "x", "z": 1},
        {"a": "x", "z": 2},
        {"a": "y", "z": 1},
        {"a": "y", "z": 2},
        {"z": 3},
    ]


def test_a_value_goes_to_its_place_and_nowhere_else():
    changed = with_values(CONFIG, {STEPS: 5})
    assert value_at(changed, STEPS) == 5
    assert value_at(CONFIG, STEPS) == 10
    assert {**changed, "data": CONFIG["data"]} == CONFIG


@pytest.mark.parametrize(
    ("step", "operations"),
    [("*", ["dot", "dot"]), ("AttackIIS", ["dot", "squared"]), ("AttackIII", ["squared", "dot"])],
)
def test_blocks_of_a_list_go_by_their_class_or_all_together(step, operations):
    changed = with_values(CONFIG, {f"attacks.{step}.init_args.operation": "dot"})
    assert [block["init_args"]["operation"] for block in changed["attacks"]] == operations
    assert changed["attacks"][0]["init_args"]["lr"] == 0.1


def test_a_block_is_put_in_before_what_is_inside_it():
    block = {"class_path": "Other", "init_args": {"steps": 1}}
    changed = with_values(CONFIG, {STEPS: 7, "data.init_args.target": block})
    assert changed["data"]["init_args"]["target"] == {"class_path": "Other", "init_args": {"steps": 7}}
    assert block["init_args"]["steps"] == 1


@pytest.mark.parametrize("key", ["data.init.target", "attacks.AttackV.init_args.operation", "placebo.init_args", "x.y"])
def test_a_key_that_leads_nowhere_is_refused(key):
    with pytest.raises(PlanError, match=rf"'{key}' leads nowhere .* first steps are data, attacks, placebo"):
        with_values(CONFIG, {key: 1})


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.05, 0.05),
        (20, 20),
        ("squared", "squared"),
        ("../target/openmoji_demo.yaml", "openmoji_demo"),
        (None, "none"),
        (True, "true"),
        ([8, 4], "8, 4"),
        ({"class_path": "a.b.Clip"}, "Clip"),
        ({"class_path": "Clip", "init_args": {"normalize": False, "model": "x"}}, "Clip(normalize=false, model=x)"),
    ],
)
def test_what_a_value_is_called(value, name):
    assert label(value) == name
    assert type(label(value)) is type(name)


def test_files_of_blocks_are_found_beside_the_plan(tmp_path):
    (tmp_path / "block.yaml").write_text("class_path: A")
    inside = tmp_path / "plans"
    assert files_from("../block.yaml", inside) == str(tmp_path.resolve() / "block.yaml")
    assert files_from(["../block.yaml", 3, "text", None], inside)[1:] == [3, "text", None]
    with pytest.raises(PlanError, match=r"names the block 'nowhere\.yaml'"):
        files_from("nowhere.yaml", Path("plans"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": "y"}, r"`axis` must be a key of `points` \(x\), but got 'y'"),
        ({"points": []}, "at least one grid"),
        ({"points": [{}]}, "at least one grid"),
        ({"points": [{"x": []}]}, "lists of at least one value"),
        ({"steps": 0}, "`steps` must be at least 1, but got 0"),
        ({"baseline": 1, "baseline_attack": "II-S"}, "not both"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes, message):
    with pytest.raises(PlanError, match=message):
        AblationPlan(**({"audit": "a", "axis": "x", "points": [{"x": [1]}]} | changes))
