"""What is said while something takes its time."""

import sys

import pytest

from lit_mia.queries import progress as module
from lit_mia.queries.progress import hidden, progress, say


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_log_has_one_line_on_a_stage_with_its_seconds(clock, capsys):
    with progress("train heads", 3, "trainings") as bar:
        for _ in bar.over(range(3)):
            clock[0] += 4.0
    assert capsys.readouterr() == ("", "train heads: 3 of 3 trainings, 12 s\n")


def test_a_log_has_a_line_every_half_minute_with_the_time_left(clock, capsys):
    with progress("query it", 10, "images") as bar:
        for _ in bar.over(range(5)):
            clock[0] += 20.0
    assert capsys.readouterr().err.splitlines() == [
        "query it: 2 of 10 images, 40 s, about 160 s left",
        "query it: 4 of 10 images, 80 s, about 120 s left",
        "query it: 5 of 10 images, 100 s",
    ]


def test_what_is_short_empty_hidden_or_of_another_process_is_not_worth_a_line(clock, capsys, monkeypatch):
    def stage(total, seconds):
        with progress("embed", total, "texts") as bar:
            clock[0] += seconds
            bar.update(total)

    stage(5, 1.0)
    stage(0, 60.0)
    with hidden():
        stage(5, 60.0)
    monkeypatch.setenv("LOCAL_RANK", "1")
    stage(5, 60.0)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("LOCAL_RANK", "0")
    stage(5, 60.0)
    assert capsys.readouterr().err == "embed: 5 of 5 texts, 60 s\n"


def test_a_terminal_has_a_bar_with_the_time_left_which_a_line_does_not_spoil(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(module, "DELAY", 0.0)
    with progress("train heads", 2, "trainings") as bar:
        bar.update()
        say("I-P: head and controls trained")
        bar.update()
    said = capsys.readouterr()
    assert said.out == "I-P: head and controls trained\n"
    assert "train heads: 100%" in said.err
    assert "2/2" in said.err
    assert "\x1b[3" not in said.err  # no colour, whatever NO_COLOR says


@pytest.mark.parametrize(
    ("columns", "told"), [(40, "embed i…:  50%"), (80, "embed images by a very long name o…:  50%")]
)
def test_a_narrow_terminal_keeps_the_time_left_beside_a_long_name(columns, told, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(module, "DELAY", 0.0)
    monkeypatch.setenv("COLUMNS", str(columns))
    with progress("embed images by a very long name of a folder", 2, "images") as bar:
        bar.update()
    said = capsys.readouterr().err
    assert told in said
