import shutil

import pytest


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def copied_folder(tiny_pipeline_folder, tmp_path):
    return shutil.copytree(tiny_pipeline_folder, tmp_path / "copy")
