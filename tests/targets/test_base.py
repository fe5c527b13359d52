import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.targets.base import AccessLevel, GenerateTarget


class BlackTarget(GenerateTarget):
    name = "black"
    nfe_per_image = 1
    batch_size = 2

    def fingerprint(self):
        return {"colour": "black"}

    def generate(self, prompts, seeds):
        return torch.zeros(len(prompts), 3, 2, 2, dtype=torch.uint8)


def test_an_offered_level_passes():
    BlackTarget().require(AccessLevel.GENERATE)


def test_a_missing_level_is_refused_and_the_offer_named():
    with pytest.raises(TargetError, match=r"'black' does not offer the access level 'denoise'; it offers: generate"):
        BlackTarget().require(AccessLevel.DENOISE)


def test_a_base_target_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        GenerateTarget()
