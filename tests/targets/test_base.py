import pytest
import torch
from optimal_denoiser import OptimalTarget

from lit_mia.errors import RecordError, TargetError
from lit_mia.targets.base import AccessLevel, DenoiseTarget, GenerateTarget, Target


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


def test_a_target_says_what_it_is():
    target = BlackTarget()
    assert (target.image_size, target.is_latent, target.needs_captions, target.nfe) == (None, False, False, None)
    assert target.evaluations_behind(calls=3, images=4) == 4
    target.check_use([AccessLevel.GENERATE], timestep=0, image_size=64)


def test_a_target_says_whether_it_is_told_captions():
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    assert BlackTarget().told_captions
    assert not OptimalTarget(images).told_captions
    assert OptimalTarget(images, ["a cat"]).told_captions


def test_it_is_taken_for_what_it_is():
    target: Target = BlackTarget()
    assert GenerateTarget.of(target) is target
    with pytest.raises(TypeError, match="BlackTarget is no DenoiseTarget"):
        DenoiseTarget.of(target)


def test_a_denoiser_refuses_what_it_cannot_be_asked():
    denoiser = OptimalTarget(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    denoiser.check_use([AccessLevel.DENOISE, AccessLevel.VARY], timestep=999, image_size=8)
    assert denoiser.evaluations_behind(calls=3, images=4) == 3 + 4 * 2
    with pytest.raises(TargetError, match=r"needs \[1000\]"):
        denoiser.check_use([AccessLevel.DENOISE], timestep=1000, image_size=8)
    with pytest.raises(RecordError, match="takes images of 8 pixels, but `image_size` is 16"):
        denoiser.check_use([AccessLevel.DENOISE], timestep=999, image_size=16)
