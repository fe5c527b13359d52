"""`--quiet` and `--json`: what a command says and where, whatever the kind of audit."""

import json
import subprocess
import webbrowser
from pathlib import Path

import pytest
from tiny_audit import read

from lit_mia.blocks import shipped_names
from lit_mia.cli.reporting import _open
from lit_mia.main import run
from lit_mia.report.telling import answer, telling

AUDIT = ("audit", "--config", "own.yaml")


@pytest.mark.slow
def test_json_is_all_that_the_output_holds_and_the_rest_goes_to_the_errors(tiny_kinds, capsys):
    run([*AUDIT, "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out) == read(tiny_kinds / "runs/own")
    assert "2 attacks\n\nNumbers: runs/own/audit.json" in said.err
    run(["query", "--json", "--config", "own.yaml"])
    assert json.loads(capsys.readouterr().out) == {"target": {"queries": 3, "nfe": 0, "seconds": 0.0, "money": 0.0}}
    run([*AUDIT, "--dry-run", "--json"])
    costs = {"records": 3, "missing": 3, "nfe": 0, "seconds": None, "money": 0.0}
    assert json.loads(capsys.readouterr().out) == {"target": costs}
    run(["report", "runs/own", "--json"])
    assert json.loads(capsys.readouterr().out) == read(tiny_kinds / "runs/own")


@pytest.mark.slow
def test_quiet_leaves_the_verdict_in_one_line_and_errors(tiny_kinds, capsys, failure):
    run([*AUDIT, "--quiet"])
    said = capsys.readouterr()
    verdict = read(tiny_kinds / "runs/own")["verdict"]
    assert said == (f"{verdict['kind']}: {verdict['sentence']}\n", "")
    assert "There is no config 'none'" in failure("audit", "--quiet", "--config", "none")
    with pytest.raises(SystemExit):
        run(["audit", "--quiet", "--config", "own.yaml", "--schedule.repeats", "many"])
    assert "schedule.repeats" in capsys.readouterr().err


@pytest.mark.slow
def test_help_and_a_printed_config_are_shown_whatever_else_is_asked(tiny_kinds, capsys):
    for option, shown in (("--help", "--quiet: Print the answer"), ("--print_config", "attacks:")):
        with pytest.raises(SystemExit):
            run([*AUDIT, option, "--quiet"])
        assert shown in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_the_page_is_opened_in_the_browser_or_it_is_said_that_there_is_none(tiny_kinds, capsys, monkeypatch):
    run(AUDIT)
    opened, page = [], tiny_kinds / "runs/own/report.html"
    monkeypatch.setattr(webbrowser, "open_new_tab", lambda address: opened.append(address) or len(opened) == 1)
    capsys.readouterr()
    run(["report", "runs/own", "--open"])
    assert capsys.readouterr().out == "runs/own/report.html\n"
    run(["report", "runs/own", "--open"])
    assert "There is no browser here to open runs/own/report.html in." in capsys.readouterr().out
    assert opened == [page.resolve().as_uri()] * 2


def test_what_a_browser_prints_goes_to_the_errors(monkeypatch, capfd):
    monkeypatch.setattr(webbrowser, "open_new_tab", lambda address: subprocess.run(["echo", address]).returncode == 0)
    _open(Path("report.html"))
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", f"{Path('report.html').resolve().as_uri()}\n")


def test_lists_are_json_too(capsys):
    run(["configs", "--json"])
    assert sorted(json.loads(capsys.readouterr().out)) == shipped_names()
    run(["configs", "attack/ii_s", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert Path(shown["path"]).read_text(encoding="utf-8") == shown["text"]


def test_the_two_options_are_taken_from_a_command_line_wherever_they_stand(capsys):
    with telling(["--quiet", "a", "--json"]) as rest:
        print("more")
        answer("in words", {"x": "é"})
    assert rest == ["a"]
    assert json.loads(capsys.readouterr().out) == {"x": "é"}
    with telling(["a"]) as rest:
        print("all")
        answer("in words", {"x": 1})
    assert capsys.readouterr().out == "all\n"
