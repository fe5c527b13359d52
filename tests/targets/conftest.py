from functools import cache

import pytest
from tiny_pipelines import save_tiny


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory):
    """Saves the tiny pipeline of a family when it is first asked for."""
    return cache(lambda family: save_tiny(family, tmp_path_factory.mktemp(family)))
