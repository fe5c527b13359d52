"""FID's Inception with random weights, in a file of the real layout."""

import io
import os

import pytest
import torch

from lit_mia.errors import EncoderError
from lit_mia.features import InceptionEncoder

inception = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
IMAGES = torch.randint(0, 256, (2, 3, 40, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Untrained(inception.FeatureExtractorInceptionV3):
    def load_state_dict(self, state):
        """Keep the random weights."""


@pytest.fixture(scope="module")
def untrained():
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    torch.manual_seed(0)
    return Untrained("untrained", ["2048"], feature_extractor_weights_path=nothing)


@pytest.fixture(scope="module")
def weights(untrained, tmp_path_factory):
    path = tmp_path_factory.mktemp("fid") / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(untrained.state_dict(), path)
    return str(path)


def test_the_features_are_those_of_torch_fidelity(weights, untrained):
    encoder = InceptionEncoder(weights, device="cpu")
    ours = encoder.embed_images(IMAGES)
    assert ours.shape == (2, encoder.dimension)
    assert not encoder.embeds_text
    torch.testing.assert_close(ours, untrained(IMAGES)[0], rtol=1e-4, atol=1e-5)
    assert InceptionEncoder(weights, batch_size=1).fingerprint() == encoder.fingerprint()


class _Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def test_a_pickle_that_runs_code_is_refused(tmp_path):
    torch.save({"fc.bias": _Payload(tmp_path / "marker")}, tmp_path / "evil.pth")
    with pytest.raises(EncoderError, match="holds code, which is never run"):
        InceptionEncoder(str(tmp_path / "evil.pth"), device="cpu").embed_images(IMAGES)
    assert not (tmp_path / "marker").exists()


def test_other_weights_and_a_missing_file_are_refused(tmp_path):
    torch.save({"fc.bias": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        InceptionEncoder(str(tmp_path / "other.pth"), device="cpu").embed_images(IMAGES)
    with pytest.raises(EncoderError, match=r"no Inception weights at .*nowhere"):
        InceptionEncoder(str(tmp_path / "nowhere.pth")).fingerprint()
