"""The target of docs/guides/write_target.md is what the guide says, in a whole query too."""

import csv
import importlib

import pytest
from guide_code import written_files

from lit_mia.main import run


@pytest.fixture
def code(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("code")
    written_files("write_target.md", folder)
    monkeypatch.syspath_prepend(folder)
    return folder


def test_its_test_passes(code, tmp_path):
    importlib.import_module("test_my_targets").test_each_prompt_has_its_own_image(tmp_path)


@pytest.mark.slow
def test_an_audit_asks_it(code, workspace, capsys):
    records = list(csv.DictReader((workspace.root / "records.csv").open(encoding="utf-8")))
    lines = ["prompt,image", *{f"{row['caption']},{row['image']}" for row in records}]
    (workspace.root / "drawn.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    block = {"class_path": "my_targets.DrawnTarget", "init_args": {"table": "drawn.csv", "model": "somebody's"}}
    name = workspace.changed("audit.yaml", {"data.init_args.target": block, "placebo": None})
    run(["query", "--config", name])
    assert "80 queries" in capsys.readouterr().out
    run(["query", "--config", name, "--dry-run"])
    assert " 0 missing queries" in capsys.readouterr().out
