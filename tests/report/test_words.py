import pytest

from lit_mia.report.words import count, duration, interval, number, p_value, percent, percent_interval, signed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3.21, "3.2 s"), (42.4, "42 s"), (75.4, "1 min 15 s"), (3599.8, "1 h 0 min"), (4321, "1 h 12 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_numbers():
    assert number(0.7124) == "0.712"
    assert signed(-0.02) == "−0.020"
    assert interval([-0.01, 0.2]) == "[−0.010, 0.200]"
    assert percent(0.001) == "0.1\u00a0%"
    assert percent(10.0) == "1000\u00a0%"
    assert percent_interval([0.01, 0.054]) == "[1.0, 5.4]\u00a0%"
    assert p_value(0.0002) == "p < 0.001"
    assert count(320_000) == "320\u202f000"


def test_what_was_not_measured():
    assert number(None) == signed(None) == percent(None) == "–"
    assert interval(None) == percent_interval(None) == p_value(None) == ""
