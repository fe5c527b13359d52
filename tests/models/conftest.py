import shutil

import pytest


@pytest.fixture
def copied_folder(tiny_pipeline_folder, tmp_path):
    """The tiny pipeline, to change its files."""
    return shutil.copytree(tiny_pipeline_folder, tmp_path / "pipeline")
