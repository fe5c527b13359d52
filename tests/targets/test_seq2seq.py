"""A tiny BART over the codes of a tiny VQModel, both with random weights."""

import json
import shutil
from io import StringIO

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.queries.generate import fill, queries_for, read
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.targets.seq2seq import Seq2SeqTarget

PROMPTS = ["a red cat", "two dogs", "moon", "a long text, all", "", "x", "rain"]
SEEDS = [11, 2**63 - 1, 0, 5, 6, 7, 8]
CODES, TOKENS = 12, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_pipeline_folder):
    """The BART and its tokenizer."""
    from transformers import BartConfig, BartForConditionalGeneration, CLIPTokenizer

    path = tmp_path_factory.mktemp("seq2seq") / "bart"
    tokenizer = CLIPTokenizer.from_pretrained(tiny_pipeline_folder, subfolder="tokenizer")
    words = len(tokenizer)
    config = BartConfig(
        vocab_size=words + CODES,
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=TOKENS,
        init_std=0.5,  # answers that depend on what is read
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        forced_eos_token_id=None,
        image_token_offset=words,
        image_tokens=TOKENS,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BartForConditionalGeneration(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def save_vq(path, codes):
    from diffusers import VQModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VQModel(
            block_out_channels=(4, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=2,
            num_vq_embeddings=codes,
        )
        torch.nn.init.normal_(model.quantize.embedding.weight)
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def vq(tmp_path_factory):
    return save_vq(tmp_path_factory.mktemp("seq2seq") / "vq", CODES)


@pytest.fixture(scope="module")
def make(folder, vq):
    def made(path=folder, **options):
        return Seq2SeqTarget(str(path), **{"vq": str(vq), "device": "cpu"} | options)

    return made


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def images(make):
    return make(batch_size=7).generate(PROMPTS, SEEDS)


def edit(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


# ------------------------------------------------------------------ what is drawn


def plain_tokens(target, prompt, seed, temperature=1.0, top_k=None, scale=1.0):
    """One image without batch, cache or padding, straight from the definitions."""
    model, tokenizer, generator = target._model, target._tokenizer, torch.Generator().manual_seed(seed)
    offset = model.config.image_token_offset
    drawn = []
    for _ in range(TOKENS):
        so_far = torch.tensor([[0, *(token + offset for token in drawn)]])
        texts = [tokenizer(text, return_tensors="pt")["input_ids"] for text in (prompt, "")]
        given, empty = (model(ids, decoder_input_ids=so_far, use_cache=False).logits[0, -1, offset:] for ids in texts)
        p = (((1 - scale) * empty + scale * given) / temperature).softmax(0)
        p[p < p.sort(descending=True).values[: top_k or CODES].min()] = 0
        # Gumbel-max: the smallest of exponential draws with these rates
        waits = torch.empty(CODES).exponential_(generator=generator) / p
        drawn.append(int(waits.argmin()))
    return drawn


@pytest.mark.parametrize(
    "options",
    [{}, {"temperature": 0.3}, {"top_k": 3}, {"conditioning_scale": 4.0, "temperature": 2.0, "top_k": 5}],
    ids=["plain", "temperature", "top-k", "all"],
)
def test_tokens_are_those_of_a_loop_without_cache(make, options):
    target = make(**options)
    with torch.inference_mode():
        drawn = target.draw(PROMPTS[:5], SEEDS[:5])
        plain = dict(options)
        scale = plain.pop("conditioning_scale", 1.0)
        expected = [plain_tokens(target, *pair, scale=scale, **plain) for pair in zip(PROMPTS, SEEDS, strict=True)][:5]
    assert drawn.tolist() == expected
    assert len(drawn.unique(dim=0)) == 5


def test_temperature_top_k_and_scale_change_the_tokens(make):
    drawn = [
        make(**options).draw(PROMPTS, SEEDS)
        for options in ({}, {"temperature": 0.2}, {"top_k": 2}, {"conditioning_scale": 4.0})
    ]
    assert len(torch.stack(drawn).unique(dim=0)) == 4
    cold = make(temperature=1e-6).draw(PROMPTS, SEEDS)
    assert torch.equal(cold, make(top_k=1).draw(PROMPTS, [0] * 7))


def test_an_image_is_decoded_from_its_codes(make):
    target = make()
    tokens = torch.arange(TOKENS)[None] % CODES
    latents = target._vq.quantize.embedding.weight[tokens[0]].reshape(1, 4, 4, 4).permute(0, 3, 1, 2)
    with torch.inference_mode():
        pixels = target._vq.decode(latents, force_not_quantize=True).sample
    expected = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    assert torch.equal(target.decode(tokens), expected)
    assert len(expected.unique()) > 10


# ------------------------------------------------------------------ one record, one image


def test_images_are_uint8_and_differ_by_seed_and_prompt(make, images):
    assert (images.dtype, images.shape) == (torch.uint8, (7, 3, 16, 16))
    drawn = make().generate(["moon", "moon", "sun"], [1, 2, 1])
    assert len(drawn.flatten(1).unique(dim=0)) == 3


@pytest.mark.parametrize("scale", [1.0, 3.0])
@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_batch_size_does_not_change_an_image(make, batch_size, scale):
    prompts = [f"{prompt} {number}"[:14] for number in range(10) for prompt in PROMPTS][:65]
    rows = slice(0, None, 5)
    together = make(batch_size=65, conditioning_scale=scale).generate(prompts, range(65))
    chosen = range(65) if batch_size == 64 else range(0, 65, 5)
    drawn = make(batch_size=batch_size, conditioning_scale=scale).generate([prompts[i] for i in chosen], list(chosen))
    distance = (drawn.int() - (together if batch_size == 64 else together[rows]).int()).abs()
    assert distance.max() <= 1
    assert (distance == 0).float().mean() >= 0.999


def test_two_ranks_fill_what_one_process_fills(make, tmp_path):
    ids = tuple(f"r{number}" for number in range(7))
    records = Records(ids, tuple(prompt or "empty" for prompt in PROMPTS), (1,) * 7, ids, lambda row: None, stamps=ids)
    queries = queries_for(records, images_per_record=2, seed=0)
    alone, shared = (Store(tmp_path / name, make().fingerprint()) for name in ("alone", "shared"))
    fill(alone, make(batch_size=64), queries)
    for rank in range(2):
        fill(shared, make(batch_size=3), queries, rank, world_size=2)
    first, second = read(alone, queries, records), read(shared, queries, records)
    assert (first.int() - second.int()).abs().max() <= 1
    assert (first == second).float().mean() >= 0.999


def test_cut_captions_are_counted_and_read_up_to_the_limit(make):
    prompts = ["a" * 14, "a" * 15, "a" * 15 + "b"]  # 16 tokens with start and end
    target = make()
    images = target.generate(prompts, [3, 3, 3])
    assert target.truncated == 2
    assert torch.equal(images[1], images[2])


def test_half_precision_runs(make):
    target = make(dtype="bfloat16")
    assert target.generate(PROMPTS[:2], SEEDS[:2]).shape == (2, 3, 16, 16)
    assert {p.dtype for p in target._model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_nfe_is_what_the_decoder_evaluates(make, scale):
    target, evaluations = make(conditioning_scale=scale), []
    target._model.model.decoder.layers[0].register_forward_pre_hook(lambda _, x: evaluations.append(len(x[0])))
    target.draw(PROMPTS[:2], SEEDS[:2])
    assert sum(evaluations) == 2 * target.nfe_per_image


# ------------------------------------------------------------------ fingerprint and bad input


def test_fingerprint_is_the_content_not_the_place(make, copied):
    (copied / "membership.json").write_text("[]")
    here = make(batch_size=2, name="a").fingerprint()
    assert make(copied, batch_size=8, name="b", device="auto").fingerprint() == here
    assert json.loads(json.dumps(here)) == here


def test_fingerprint_sees_weights_and_options(make, copied, tmp_path):
    plain = make().fingerprint()
    for name, value in {"temperature": 0.5, "top_k": 3, "conditioning_scale": 2.0, "dtype": "float16"}.items():
        assert make(**{name: value}).fingerprint() == plain | {name: value}
    assert make(vq=str(save_vq(tmp_path / "vq", 13))).fingerprint()["vq"] != plain["vq"]
    edit(copied / "config.json", image_tokens=9)
    assert make(copied).fingerprint()["weights"] != plain["weights"]


def test_all_wrong_arguments_are_named_at_once(make):
    with pytest.raises(TargetError, match=r"`batch_size` .* got 0; `top_k` .* got 0; `temperature` .* got 0"):
        make(temperature=0, top_k=0, batch_size=0)


def test_missing_folders_and_files_are_reported(make, copied):
    with pytest.raises(TargetError, match=r"'/no/such' is no folder with config\.json and tokenizer_config\.json"):
        make("/no/such")
    with pytest.raises(TargetError, match=r"is no folder with config\.json"):
        make(vq="/no/such")
    (copied / "tokenizer_config.json").unlink()
    with pytest.raises(TargetError, match=r"tokenizer_config\.json"):
        make(copied)


@pytest.mark.parametrize("changes", [{"image_token_offset": None}, {"image_tokens": 15}, {"image_tokens": "16"}])
def test_a_bart_that_writes_no_images_is_refused(make, copied, changes):
    edit(copied / "config.json", **changes)
    with pytest.raises(TargetError, match="needs `image_token_offset` and `image_tokens`"):
        make(copied).generate(["moon"], [0])


def test_the_vq_model_of_another_target_is_refused(make, tmp_path):
    with pytest.raises(TargetError, match=r"writes 12 image tokens, but the VQModel in .* has 13"):
        make(vq=str(save_vq(tmp_path / "vq", 13))).generate(["moon"], [0])


def test_damaged_weights_are_reported(make, copied):
    (copied / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(TargetError, match="cannot be loaded"):
        make(copied).generate(["moon"], [0])


def test_pickled_weights_are_refused(make, copied):
    (copied / "model.safetensors").unlink()
    torch.save({}, copied / "pytorch_model.bin")
    with pytest.raises(TargetError, match=r"\.bin files, which can hold code.*safetensors to a new folder"):
        make(copied).generate(["moon"], [0])


def test_no_code_of_a_tokenizer_is_run(copied, make, tmp_path, monkeypatch):
    marker = tmp_path / "marker"
    edit(copied / "config.json", model_type="evil")
    edit(copied / "tokenizer_config.json", tokenizer_class="Evil", auto_map={"AutoTokenizer": ["evil.Evil", None]})
    (copied / "evil.py").write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Evil: pass\n")
    monkeypatch.setattr("sys.stdin", StringIO("y\n" * 9))  # a user who agrees to everything
    with pytest.raises(TargetError, match="cannot be loaded"):
        make(copied).generate(PROMPTS, SEEDS)
    assert not marker.exists()
