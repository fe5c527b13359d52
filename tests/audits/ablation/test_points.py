"""Values at dotted places of a config: where they go, and what they are called."""

import pytest

from lit_mia.audits.ablation.points import label, value_at, with_values
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
