import pytest

from lit_mia.errors import MetricError
from lit_mia.metrics.verdict import AttackEvidence, decide, holm


def attack(name="II-S", p_above_half=0.001, **p_vs_control):
    return AttackEvidence(name, p_above_half, p_vs_control)


def verdict(*attacks, controls=None, design="randomized_split", placebo=True, mde=0.031):
    return decide(attacks, controls or {"blind": 0.4, "caption": 0.6}, design, placebo, mde)


def test_holm_by_hand():
    # sorted: 0.01·4 = 0.04; 0.02·3 = 0.06; 0.03·2 = 0.06; 0.9·1
    assert holm({"b": 0.02, "a": 0.01, "d": 0.9, "c": 0.03}) == pytest.approx(
        {"b": 0.06, "a": 0.04, "d": 0.9, "c": 0.06}
    )
    # 0.04·2 = 0.08 lifts the larger 0.045 to it: adjusted values never fall
    assert holm({"x": 0.045, "y": 0.04}) == pytest.approx({"x": 0.08, "y": 0.08})
    assert holm({"x": 0.6, "y": 0.7}) == {"x": 1.0, "y": 1.0}
    assert holm({"x": 0.03}) == {"x": 0.03}
    assert holm({}) == {}
    assert list(holm({"b": 0.02, "a": 0.01})) == ["b", "a"]


def test_rule_1_leakage_beyond_controls():
    result = verdict(attack("II-S", blind=0.001, caption=0.02), attack("I-P", p_above_half=0.3, blind=0.4, caption=0.5))

    assert result.kind == "leakage beyond controls"
    assert result.beats == ("II-S",)
    assert result.adjusted_p == pytest.approx({"II-S": 0.04, "I-P": 0.5})  # the largest p, times two attacks
    assert result.sentence.startswith("Leakage beyond controls: II-S tells members")
    assert "placebo" not in result.sentence


def test_one_unbeaten_control_is_enough_to_fail():
    result = verdict(attack(blind=0.0001, caption=0.06))

    assert result.beats == ()
    assert result.adjusted_p == {"II-S": 0.06}
    assert result.kind == "not detected at this power"


def test_holm_over_attacks_can_take_a_lone_success_away():
    alone = verdict(attack("II-S", blind=0.03))
    among = verdict(attack("II-S", blind=0.03), attack("I-P", blind=0.5))

    assert alone.kind == "leakage beyond controls"
    assert among.kind == "not detected at this power"
    assert among.adjusted_p["II-S"] == pytest.approx(0.06)


def test_several_winners_are_named_in_order():
    result = verdict(attack("III", blind=0.01), attack("I-P", blind=0.001), attack("II-P", blind=0.001))

    assert result.beats == ("III", "I-P", "II-P")
    assert "III, I-P and II-P tell members" in result.sentence


def test_a_post_hoc_design_is_never_evidence():
    result = verdict(attack(blind=0.001), design="post_hoc")

    assert result.kind == "not evidence (post hoc design)"
    assert result.beats == ("II-S",)
    assert result.sentence.startswith("Not evidence (post hoc design): II-S beats every control")


def test_a_post_hoc_design_without_a_winner_follows_the_other_rules():
    assert verdict(attack(blind=0.4), controls={"blind": 0.001}, design="post_hoc").kind == "confounded"
    assert verdict(attack(blind=0.4), design="post_hoc").kind == "not detected at this power"


def test_rule_2_confounded_needs_an_attack_and_a_control_above_chance():
    result = verdict(attack(blind=0.3), controls={"blind": 0.001, "caption": 0.6})

    assert result.kind == "confounded"
    assert "II-S is better than chance, but so is blind" in result.sentence
    assert verdict(attack(p_above_half=0.2, blind=0.3), controls={"blind": 0.001}).kind == "not detected at this power"
    assert verdict(attack(blind=0.3), controls={"blind": 0.2}).kind == "not detected at this power"


def test_rule_2_corrects_over_attacks_and_over_controls():
    # 0.03 among two controls becomes 0.06
    assert verdict(attack(blind=0.3), controls={"blind": 0.03}).kind == "confounded"
    assert verdict(attack(blind=0.3), controls={"blind": 0.03, "caption": 0.9}).kind == "not detected at this power"
    # 0.03 among two attacks becomes 0.06
    both = (attack("a", 0.03, blind=0.3), attack("b", 0.9, blind=0.3))
    assert verdict(*both, controls={"blind": 0.001}).kind == "not detected at this power"


def test_leakage_goes_before_confounding():
    assert verdict(attack(blind=0.001), controls={"blind": 0.001}).kind == "leakage beyond controls"


def test_rule_3_states_the_power_and_never_an_absence():
    result = verdict(attack(p_above_half=0.5, blind=0.5), mde=0.0312)

    assert result.kind == "not detected at this power"
    assert "not detected at this power (mde of dauc = 0.031)" in result.sentence.lower()
    assert "no leak" not in result.sentence.lower()


def test_an_attack_without_controls_beats_nothing():
    result = verdict(attack("IV", 0.0001), attack("II-S", blind=0.01), controls={"blind": 0.5})

    assert result.adjusted_p == pytest.approx({"IV": 1.0, "II-S": 0.02})
    assert result.beats == ("II-S",)
    assert "controls: none for IV" in result.sentence
    lone = decide([attack("IV", 0.0001)], {}, "canary", True, 0.02)
    assert lone.kind == "not detected at this power"


@pytest.mark.parametrize("p", [0.001, 0.5])
def test_a_missing_placebo_is_named(p):
    sentence = verdict(attack(blind=p), placebo=False).sentence

    assert "placebo: none" in sentence
    assert "not excluded that the answers of a target that saw neither set" in sentence


@pytest.mark.parametrize(
    ("attacks", "controls", "design", "mde"),
    [
        ([], {}, "canary", 0.1),
        ([attack("a"), attack("a")], {}, "canary", 0.1),
        ([attack(blind=1.2)], {}, "canary", 0.1),
        ([attack(p_above_half=float("nan"))], {}, "canary", 0.1),
        ([attack()], {"blind": -0.1}, "canary", 0.1),
        ([attack()], {}, "randomised", 0.1),
        ([attack()], {}, "canary", float("nan")),
    ],
)
def test_impossible_evidence_is_refused(attacks, controls, design, mde):
    with pytest.raises(MetricError):
        decide(attacks, controls, design, True, mde)


def test_a_null_with_broken_tools_is_a_tool_failure():
    result = decide([attack(blind=0.3)], {"blind": 0.4}, "randomized_split", True, 0.03, tools_p=0.01)
    assert result.kind == "tool failure"
    assert result.sentence.startswith("Tool failure: no attack beats every control")
    assert (
        decide([attack(blind=0.3)], {"blind": 0.4}, "canary", True, 0.03, 0.0099).kind == "not detected at this power"
    )


def test_broken_tools_change_no_other_verdict():
    leak = decide([attack(blind=0.001)], {"blind": 0.4}, "randomized_split", True, 0.03, tools_p=0.9)
    assert leak.kind == "leakage beyond controls"
    assert decide([attack(blind=0.3)], {"blind": 0.001}, "canary", True, 0.03, tools_p=0.9).kind == "confounded"
    with pytest.raises(MetricError, match="tools against chance"):
        decide([attack(blind=0.3)], {"blind": 0.4}, "canary", True, 0.03, tools_p=1.5)
