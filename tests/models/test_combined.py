"""A decoder and its prior in two folders, as Kandinsky 2.2 comes."""

import shutil

import pytest
import torch
from tiny_pipelines import clip_parts, make_unet

from lit_mia.errors import TargetError
from lit_mia.targets import DiffusersTarget

WIDTH = 8


def decoder_parts():
    from diffusers import DDPMScheduler, VQModel

    movq = VQModel(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        up_block_types=("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
        latent_channels=4,
        num_vq_embeddings=12,
        vq_embed_dim=4,
        norm_type="spatial",
    )
    unet = make_unet(
        out_channels=8,
        addition_embed_type="image",
        encoder_hid_dim=WIDTH,
        encoder_hid_dim_type="image_proj",
        resnet_time_scale_shift="scale_shift",
    )
    return {"unet": unet, "scheduler": DDPMScheduler(), "movq": movq}


def prior_parts():
    from diffusers import PriorTransformer, UnCLIPScheduler
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    tokenizer, text_encoder = clip_parts(projection=WIDTH)
    vision = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=16,
        num_attention_heads=2,
        num_hidden_layers=1,
        image_size=16,
        patch_size=8,
        projection_dim=WIDTH,
    )
    prior = PriorTransformer(
        num_attention_heads=2, attention_head_dim=4, num_layers=1, embedding_dim=WIDTH, num_embeddings=16
    )
    torch.nn.init.ones_(prior.clip_std)
    return {
        "prior": prior,
        "image_encoder": CLIPVisionModelWithProjection(vision),
        "text_encoder": text_encoder,
        "tokenizer": tokenizer,
        "scheduler": UnCLIPScheduler(variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=5.0),
        "image_processor": CLIPImageProcessor(size={"shortest_edge": 16}, crop_size=16),
    }


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Decoder, prior, and both in one pipeline."""
    from diffusers import KandinskyV22CombinedPipeline, KandinskyV22Pipeline, KandinskyV22PriorPipeline

    folder = tmp_path_factory.mktemp("kandinsky")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder, prior = decoder_parts(), prior_parts()
    KandinskyV22Pipeline(**decoder).save_pretrained(folder / "decoder")
    KandinskyV22PriorPipeline(**prior).save_pretrained(folder / "prior")
    both = KandinskyV22CombinedPipeline(**decoder, **{f"prior_{name}": part for name, part in prior.items()})
    both.save_pretrained(folder / "both")
    return folder


def make(folder, **options):
    calls = {"prior_num_inference_steps": 2}
    size = {"height": 64, "width": 64}
    return DiffusersTarget(str(folder), **{"steps": 2, "device": "cpu", "call": calls, **size, **options})


def test_decoder_and_prior_draw_what_their_pipeline_draws(folders):
    apart = make(folders / "decoder", prior=str(folders / "prior")).generate(["cat", "sun"], [1, 2])
    together = make(folders / "both").generate(["cat", "sun"], [1, 2])
    assert (apart == together).all()
    assert (apart[0] != apart[1]).any()


def test_the_prior_is_part_of_the_fingerprint(folders, tmp_path):
    plain = make(folders / "decoder").fingerprint()
    with_prior = make(folders / "decoder", prior=str(folders / "prior")).fingerprint()
    assert with_prior.keys() - plain.keys() == {"prior"}
    other = shutil.copytree(folders / "prior", tmp_path / "prior")
    (other / "scheduler" / "scheduler_config.json").write_text("{}")
    assert make(folders / "decoder", prior=str(other)).fingerprint()["prior"] != with_prior["prior"]


def test_a_decoder_alone_is_refused_with_the_way_out(folders):
    with pytest.raises(TargetError, match=r"takes no prompt\. Give its prior as `prior`"):
        make(folders / "decoder").generate(["sun"], [0])


def test_what_is_no_pair_is_refused(folders, tiny_pipeline_folder):
    with pytest.raises(
        TargetError, match=r"`prior` goes with a decoder alone .*but `path` is a StableDiffusionPipeline"
    ):
        make(tiny_pipeline_folder, prior=str(folders / "prior")).generate(["sun"], [0])
    with pytest.raises(TargetError, match="StableDiffusionPipeline in `prior` is not the prior of a KandinskyV22Pip"):
        make(folders / "decoder", prior=str(tiny_pipeline_folder)).generate(["sun"], [0])


@pytest.mark.parametrize("folder", ["decoder", "both"])
def test_the_sampler_of_two_pipelines_is_kept(folders, folder):
    options = {"prior": str(folders / "prior")} if folder == "decoder" else {}
    with pytest.raises(TargetError, match=r"sampler of a KandinskyV22CombinedPipeline cannot be replaced"):
        make(folders / folder, scheduler="ddim", **options).generate(["sun"], [0])
