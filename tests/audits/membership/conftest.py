import pytest

from lit_mia.features import OpenClipEncoder


@pytest.fixture
def encoder(tiny_clip_folder):
    return OpenClipEncoder(str(tiny_clip_folder), device="cpu")
