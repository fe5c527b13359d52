import numpy as np
import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.targets.diffusion import DiffusersTarget, screen

PROMPTS, SEEDS = ["cat", "sun", "moon", "x"], [1, 2, 3, 4]


def make(folder, **options):
    return DiffusersTarget(str(folder), **{"steps": 2, "device": "cpu", "batch_size": 3} | options)


def with_decoder(folder, **values):
    """The pipeline with one value in all places of some parameters of its decoder; `__` stands for a dot."""
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(folder / "vae")
    for name, value in values.items():
        torch.nn.init.constant_(vae.decoder.get_parameter(name.replace("__", ".")), value)
    vae.save_pretrained(folder / "vae")
    return folder


@pytest.fixture(scope="session")
def checked_folder(tiny_pipeline_folder, tmp_path_factory):
    """The tiny pipeline with a real safety checker whose one forbidden concept is its second image."""
    from diffusers import StableDiffusionPipeline
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor

    images = make(tiny_pipeline_folder).generate(PROMPTS, SEEDS)
    small = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = CLIPConfig(
        text_config=small, vision_config={**small, "image_size": 16, "patch_size": 16}, projection_dim=8
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        checker = StableDiffusionSafetyChecker(config)
        for name, parameter in checker.named_parameters():
            if "class_embedding" in name or "position_embedding" in name:
                torch.nn.init.zeros_(parameter)  # what is left depends on the image
            elif parameter.ndim > 1:
                torch.nn.init.normal_(parameter)
    sides = {"height": 16, "width": 16}
    extractor = CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=sides)
    with torch.no_grad():
        seen = extractor(list(images), return_tensors="pt").pixel_values
        embeddings = checker.visual_projection(checker.vision_model(seen)[1])
        likeness = torch.nn.functional.cosine_similarity(embeddings, embeddings[1:2])
        allowed = likeness[[0, 2, 3]].max()
        checker.concept_embeds.copy_(embeddings[1:2].expand(17, -1))
        checker.concept_embeds_weights.fill_((1 + allowed) / 2)
        checker.special_care_embeds_weights.fill_(2)
    assert allowed < 0.9  # the checker rounds to three digits
    folder = tmp_path_factory.mktemp("checked")
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_pipeline_folder, safety_checker=None)
    StableDiffusionPipeline(
        **{**pipeline.components, "safety_checker": checker, "feature_extractor": extractor}
    ).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("safety_checker", ["pipeline", "none"])
def test_a_pipeline_in_memory_is_asked_with_its_checker_or_without_and_keeps_it(checked_folder, safety_checker):
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(checked_folder)
    options = {"steps": 2, "batch_size": 2, "safety_checker": safety_checker}
    live = DiffusersTarget.from_pipeline(pipeline, **options)
    saved = make(checked_folder, **options)
    for one, other in zip(live.stream(PROMPTS, SEEDS), saved.stream(PROMPTS, SEEDS), strict=True):
        assert one.refused == other.refused
        assert torch.equal(one.images, other.images)
    assert pipeline.safety_checker is not None


def test_what_the_safety_checker_flags_is_refused_and_the_rest_is_untouched(checked_folder):
    parts = list(make(checked_folder, safety_checker="pipeline").stream(PROMPTS, SEEDS))
    free = make(checked_folder).generate(PROMPTS, SEEDS)
    assert [list(part.rows) for part in parts] == [[0, 2], [3]]
    assert [part.refused for part in parts] == [{1: "safety checker"}, {}]
    assert (torch.cat([part.images for part in parts]) == free[[0, 2, 3]]).all()


def test_the_safety_checker_is_part_of_the_fingerprint_and_by_default_not_loaded(checked_folder):
    kept, free = make(checked_folder, safety_checker="pipeline"), make(checked_folder)
    assert kept.fingerprint() == free.fingerprint() | {"safety_checker": "pipeline"}
    assert free._pipeline.safety_checker is None


def test_generate_gives_no_images_in_the_place_of_refused_ones(checked_folder):
    with pytest.raises(TargetError, match="1 of 4 prompts got no image: safety checker"):
        make(checked_folder, safety_checker="pipeline").generate(PROMPTS, SEEDS)


def test_black_images_are_refused(copied_folder):
    folder = with_decoder(copied_folder, conv_out__weight=0.0, conv_out__bias=-9.0)
    (part,) = make(folder).stream(PROMPTS[:2], SEEDS[:2])
    assert part.refused == {0: "black image", 1: "black image"}
    assert list(part.rows) == []
    assert part.images.shape == (0, 3, 16, 16)


def test_an_overflow_of_half_precision_is_refused(copied_folder):
    folder = with_decoder(copied_folder, conv_norm_out__weight=6e4)
    (half,) = make(folder, dtype="float16").stream(PROMPTS[:2], SEEDS[:2])
    assert half.refused == {0: "not a number", 1: "not a number"}
    (full,) = make(folder).stream(PROMPTS[:2], SEEDS[:2])
    assert full.refused == {}


def test_screening_keeps_dark_images_and_the_positions():
    images = np.zeros((4, 2, 2, 3), dtype=np.float32)
    images[1, 0, 0, 0] = 1 / 255
    images[2], images[2, 1, 1, 2] = 0.5, np.nan
    images[3] = 0.5
    answers = screen(images, [False, False, False, True], first=10)
    assert list(answers.rows) == [11]
    assert answers.images.flatten().tolist() == [1] + [0] * 11
    assert answers.refused == {10: "black image", 12: "not a number", 13: "safety checker"}
