"""What the networks of each layout are told, against the pipelines themselves."""

import pytest
import torch

from lit_mia.errors import TargetError, TrainingError
from lit_mia.shadow.layouts import LAYOUTS, layout_of

CAPTIONS = ["a red cat", "moon"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def loaded(family_folder):
    from diffusers import DiffusionPipeline

    return {family: DiffusionPipeline.from_pretrained(family_folder(family)) for family in ("sd", "sdxl", "sd3")}


def layout(pipeline):
    return layout_of(type(pipeline).__name__)(pipeline)


@torch.no_grad()
@pytest.mark.parametrize("family", ["sd", "sdxl", "sd3"])
def test_a_caption_is_what_the_pipeline_makes_of_it(loaded, family):
    pipeline, prompts = loaded[family], {} if family != "sd3" else {"prompt_2": None, "prompt_3": None}
    answer = pipeline.encode_prompt(
        prompt=CAPTIONS, device=CPU, num_images_per_prompt=1, do_classifier_free_guidance=True, **prompts
    )
    read, nothing = layout(pipeline).read(CAPTIONS, CPU), layout(pipeline).read(None, CPU)
    for place, name in enumerate(read):
        torch.testing.assert_close(read[name], answer[2 * place])
        torch.testing.assert_close(nothing[name].expand(2, *nothing[name].shape[1:]), answer[2 * place + 1])
        assert nothing[name].any() == (family != "sdxl")  # which takes zeros for no caption
    assert not torch.equal(read["text"][0], read["text"][1])


@torch.no_grad()
def test_sdxl_is_told_the_size_of_the_image_and_no_crop(loaded):
    sdxl = layout(loaded["sdxl"])
    assert sdxl.sizes(8).tolist() == [[16, 16, 0, 0, 16, 16]]
    x, t, told = torch.randn(2, 4, 8, 8), torch.tensor([5, 500]), sdxl.read(CAPTIONS, CPU)
    ids = torch.tensor([[16.0, 16.0, 0.0, 0.0, 16.0, 16.0]] * 2)
    added = {"text_embeds": told["pooled"], "time_ids": ids}
    expected = loaded["sdxl"].unet(x, t, told["text"], added_cond_kwargs=added).sample
    torch.testing.assert_close(sdxl.predict(x, t, told), expected)


@torch.no_grad()
def test_sd3_reads_captions_without_its_t5(loaded):
    pipeline = loaded["sd3"]
    short = type(pipeline)(**{**pipeline.components, "text_encoder_3": None, "tokenizer_3": None})
    told = layout(short).read(CAPTIONS, CPU)
    output = layout(short).predict(torch.randn(2, 4, 8, 8), torch.tensor([5.0, 500.0]), told)
    assert output.shape == (2, 4, 8, 8)
    assert output.isfinite().all()


def test_other_pipelines_are_refused_by_name():
    supported = "StableDiffusionPipeline, StableDiffusionXLPipeline, StableDiffusion3Pipeline"
    with pytest.raises(TrainingError, match=f"A FluxPipeline cannot be fine-tuned here. Supported are {supported}"):
        layout_of("FluxPipeline")
    assert ", ".join(LAYOUTS) == supported


def test_pipelines_that_lack_something_are_refused(loaded):
    sd, sd3 = loaded["sd"], loaded["sd3"]
    without = type(sd3)(**{**sd3.components, "text_encoder_2": None})
    with pytest.raises(TrainingError, match="The StableDiffusion3Pipeline lacks its text_encoder_2"):
        layout(without)
    other = type(sd)(**sd.components, requires_safety_checker=False)
    other.unet = type(sd.unet).from_config(sd.unet.config, time_cond_proj_dim=8)
    with pytest.raises(TrainingError, match="was distilled"):
        layout(other)
    other.unet = type(sd.unet).from_config(sd.unet.config, in_channels=9)
    with pytest.raises(TargetError, match="further channels with an image or a mask"):
        layout(other)
    other.unet = type(sd.unet).from_config(sd.unet.config, num_class_embeds=3)
    with pytest.raises(TargetError, match="wants class labels"):
        layout(other)
