"""DALL·E mini with random weights in files of the real layout, against min-dalle's own stream of images."""

import json
import os
import shutil
import sys
from itertools import islice

import pytest
import torch

from lit_mia.errors import TargetError
from lit_mia.models.min_dalle import _part, load_detokenizer, load_tokenizer, weight_files
from lit_mia.targets.dalle_mini import DalleMiniTarget

pytestmark = pytest.mark.slow

LETTERS = "abcdefghijklmnopqrstuvwxyz,"
MERGES = ["Ġ c", "a t", "Ġc at", "o w", "o n"]
SUBWORDS = ["Ġ", *LETTERS, *(merge.replace(" ", "") for merge in MERGES)]
VOCABULARY = {token: number for number, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *SUBWORDS])}
PROMPTS = ["a red cat", "two dogs", "Moon 🌙", "", "sun", "a cow, on a hill", "x"]
SEEDS = [11, 2**63 - 1, 0, 5, 6, 7, 8]
SCALES = ("pre_self_attn_layer_norm", "pre_encoder_attn_layer_norm", "final_ln", "ln0", "ln1")
"""Layer norms that have a bias and no scale in the published models."""


def write_files(folder, suffix, width, layers, codes):
    """Encoder, decoder and tokenizer with random weights."""
    folder.mkdir(exist_ok=True)
    sizes = {"layer_count": layers, "embed_count": width, "attention_head_count": width // 64, "glu_embed_count": 24}
    models = _part("models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = models.DalleBartEncoder(text_vocab_count=len(VOCABULARY), text_token_count=64, device="cpu", **sizes)
        decoder = models.DalleBartDecoder(image_vocab_count=codes, device="cpu", **sizes)
    for name, network in (("encoder", encoder), ("decoder", decoder)):
        weights = network.state_dict()
        for key in [key for key in weights if key.endswith(".weight") and key.split(".")[-2] in SCALES]:
            del weights[key]
        torch.save(weights, folder / f"{name}{suffix}.pt")
    (folder / f"vocab{suffix}.json").write_text(json.dumps(VOCABULARY))
    (folder / f"merges{suffix}.txt").write_text("\n".join(["#version: 0.2", *MERGES, ""]))
    (folder / "detoker.pt").write_bytes(b"none")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Mini with 40 codes; its detokenizer file holds no weights."""
    return write_files(tmp_path_factory.mktemp("dalle") / "mini", "_mini", width=64, layers=1, codes=40)


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def mega_folder(tmp_path_factory):
    """Mega with all its codes and two attention heads."""
    return write_files(tmp_path_factory.mktemp("dalle") / "mega", "", width=128, layers=2, codes=16415)


@pytest.fixture(scope="module")
def detokenizer_file(tmp_path_factory):
    """A detokenizer of the one size that it can have, 47 M parameters."""
    with torch.device("meta"):
        network = _part("models").VQGanDetokenizer()
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.empty(value.shape).uniform_(-0.05, 0.05, generator=generator).half()
        for name, value in network.state_dict().items()
    }
    file = tmp_path_factory.mktemp("dalle") / "detoker.pt"
    torch.save(weights, file)
    return file


def make(folder, **options):
    return DalleMiniTarget(str(folder), **{"device": "cpu", "batch_size": 64} | options)


def draw(target, prompts=PROMPTS, seeds=SEEDS):
    with torch.inference_mode():
        return target._draw_codes(prompts, seeds)


@pytest.fixture(scope="module")
def codes(folder):
    return draw(make(folder))


@pytest.fixture(scope="module")
def min_dalle(mega_folder):
    """min-dalle's own class on the same files: codes of a prompt, and the tokenizer."""
    threads = torch.get_num_threads()
    with torch.set_grad_enabled(True), torch.backends.cudnn.flags():
        from min_dalle import MinDalle
        from min_dalle.text_tokenizer import TextTokenizer
    torch.set_num_threads(threads)

    class Offline(MinDalle):
        """Without the requests of the constructor, and with codes for images."""

        def __init__(self):
            self.is_mega = self.is_reusable = True
            self.is_verbose, self.device, self.dtype = False, "cpu", torch.float32
            self.text_token_count, self.layer_count, self.attention_head_count = 64, 2, 2
            self.embed_count, self.glu_embed_count = 128, 24
            self.text_vocab_count, self.image_vocab_count = len(VOCABULARY), 16415
            self.encoder_params_path = str(mega_folder / "encoder.pt")
            self.decoder_params_path = str(mega_folder / "decoder.pt")
            self.tokenizer = TextTokenizer(VOCABULARY, MERGES)
            self.init_encoder()
            self.init_decoder()

        def image_grid_from_tokens(self, image_tokens, **_):
            return image_tokens

    return Offline()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore:CUDA is not available", "ignore:User provided device_type")
def test_the_likeliest_codes_are_those_of_min_dalle(min_dalle, mega_folder):
    prompts = ["a cow, on a hill", "a long text " * 9]
    drawn = draw(make(mega_folder, size="mega", top_k=1), prompts, [1, 1])
    options = {"grid_size": 1, "top_k": 1, "supercondition_factor": 10, "progressive_outputs": True}
    for prompt, row in zip(prompts, drawn, strict=True):
        with torch.inference_mode():
            _, theirs = islice(min_dalle.generate_raw_image_stream(prompt, 1, **options), 2)  # after 32 codes and 64
        assert torch.equal(row[:64], theirs[0, :64])
    assert not torch.equal(drawn[0, :64], drawn[1, :64])


def test_the_tokenizer_is_that_of_min_dalle(min_dalle, mega_folder):
    tokenizer = load_tokenizer(weight_files(str(mega_folder), "mega"))
    for prompt in PROMPTS:
        assert tokenizer.tokenize(prompt) == min_dalle.tokenizer.tokenize(prompt)
    start, end, unknown = 0, 2, 3
    assert tokenizer.tokenize("CAT ?") == [start, VOCABULARY["Ġcat"], VOCABULARY["Ġ"], unknown, end]
    assert tokenizer.tokenize("") == [start, end]


def test_codes_differ_by_seed_and_prompt(folder, codes):
    assert codes.shape == (7, 256)
    assert 0 <= codes.min() < codes.max() < 40
    assert len(codes.unique(dim=0)) == 7
    again = draw(make(folder), ["sun", "sun", "x"], [6, 7, 6])
    assert torch.equal(again[0], codes[4])
    assert len(again.unique(dim=0)) == 3


@pytest.mark.parametrize("rows", [slice(2, 3), slice(0, None, 2), slice(1, None, 2)], ids=["alone", "rank 0", "rank 1"])
def test_the_batch_does_not_change_the_codes(folder, codes, rows):
    assert torch.equal(draw(make(folder), PROMPTS[rows], SEEDS[rows]), codes[rows])


def test_a_batch_of_64_does_not_change_the_codes(folder, codes):
    others = [f"a {letter} {n}" for n, letter in enumerate(LETTERS * 3)][:57]
    drawn = draw(make(folder), [*others, *PROMPTS], [*range(57), *SEEDS])
    assert torch.equal(drawn[57:], codes)


def test_temperature_and_top_k_narrow_the_choice(folder, codes):
    likeliest = draw(make(folder, top_k=1))
    assert torch.equal(draw(make(folder, temperature=1e-6)), likeliest)
    assert not torch.equal(codes, likeliest)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_it_runs_in_half_precision(folder, dtype):
    target = make(folder, dtype=dtype)
    drawn = draw(target, PROMPTS[:1], SEEDS[:1])
    assert {p.dtype for p in target._decoder.parameters()} == {getattr(torch, dtype)}
    assert len(drawn.unique()) > 2


def test_cut_captions_are_counted(folder):
    target = make(folder, batch_size=3)
    draw(target, ["a " * 31, "a " * 32, "x"], [0, 1, 2])
    assert target.truncated == 1


def test_an_image_has_256_pixels_a_side(copied, detokenizer_file):
    shutil.copy(detokenizer_file, copied / "detoker.pt")
    target = make(copied)
    with torch.autocast("cpu", torch.bfloat16):  # 250 GFLOP: twice as fast
        image = target.generate(["sun"], [6])
    assert (image.dtype, image.shape, image.is_contiguous()) == (torch.uint8, (1, 3, 256, 256), True)
    assert image.float().std() > 1
    assert {p.dtype for p in target._detokenizer.parameters()} == {torch.float32}


def test_nfe_is_what_the_decoder_evaluates(folder):
    target, evaluations = make(folder), []
    target._decoder.final_ln.register_forward_pre_hook(lambda _, inputs: evaluations.append(len(inputs[0])))
    draw(target, PROMPTS[:2], SEEDS[:2])
    assert sum(evaluations) == 2 * target.nfe_per_image


def test_fingerprint_is_the_content_not_the_place(folder, copied):
    here = make(folder, batch_size=2, name="a").fingerprint()
    assert make(copied, batch_size=8, name="b", device="auto").fingerprint() == here
    assert json.loads(json.dumps(here)) == here


def test_fingerprint_sees_weights_and_options(folder, copied):
    plain = make(folder).fingerprint()
    for name, value in {"temperature": 0.5, "top_k": 3, "conditioning_scale": 2.0, "dtype": "float16"}.items():
        assert make(folder, **{name: value}).fingerprint() == plain | {name: value}
    (copied / "detoker.pt").write_bytes(b"other")
    assert make(copied).fingerprint()["weights"] != plain["weights"]


# ------------------------------------------------------------------ bad input


def test_missing_files_are_named(folder, copied):
    with pytest.raises(TargetError, match=r"lacks vocab\.json, merges\.txt, encoder\.pt, decoder\.pt\. DALL·E mega"):
        make(folder, size="mega")
    (copied / "detoker.pt").unlink()
    with pytest.raises(TargetError, match=r"lacks detoker\.pt"):
        make(copied)


def test_a_missing_package_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "min_dalle", None)
    with pytest.raises(TargetError, match=r"lit-mia\[dalle-mini\]"):
        make(folder)


def test_all_wrong_arguments_are_named_at_once(folder):
    with pytest.raises(
        TargetError, match=r"`top_k` .* got 0; `temperature` .* got 0\.0; `conditioning_scale` .* got -1"
    ):
        make(folder, temperature=0, top_k=0, conditioning_scale=-1)


class Command:
    """What a pickle may ask to be called."""

    def __reduce__(self):
        return (os.getenv, ("HOME",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"embed_tokens.weight": Command()}, "or holds code, which is never run"),
        (b"", "is empty"),
        (b"PK\3\4 and no more", "damaged"),
        ([torch.zeros(1)], "holds no weights by name"),
        ({"steps": 3}, "holds no weights by name"),
        ({"embed_tokens.weight": torch.zeros(33, 64)}, r"another model: they lack layers\.0\.glu\.fc0\.weight"),
        (
            {"embed_tokens.weight": torch.zeros(33, 65), "layers.0.glu.fc0.weight": torch.zeros(24, 65)},
            "another model: their width 65 is no multiple of 64",
        ),
        (
            {"embed_tokens.weight": torch.zeros(33, 64), "layers.0.glu.fc0.weight": torch.zeros(24, 64)},
            r"another model: .*lm_head\.weight",
        ),
    ],
    ids=["code", "empty", "torn", "list", "number", "no layers", "width", "few weights"],
)
def test_bad_weights_are_refused(copied, content, message):
    file = copied / "decoder_mini.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(TargetError, match=rf"(?s)decoder_mini\.pt.*{message}"):
        draw(make(copied))


def test_the_weights_of_another_network_are_refused(folder):
    with pytest.raises(TargetError, match=r"encoder_mini\.pt.* another model"):
        load_detokenizer(folder / "encoder_mini.pt", torch.device("cpu"))


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ("{", "cannot be read"),
        ('{"<s>": 0}', "another model: it lacks </s> <unk>"),
        (None, "the encoder knows 37 tokens"),
    ],
    ids=["no json", "no special tokens", "too many tokens"],
)
def test_a_bad_vocabulary_is_refused(copied, vocabulary, message):
    (copied / "vocab_mini.json").write_text(vocabulary or json.dumps(VOCABULARY | {"Ġcat": 37}))
    with pytest.raises(TargetError, match=message):
        draw(make(copied), ["cat"], [0])


def test_loading_leaves_the_settings_of_torch_alone(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("min_dalle")]:
        monkeypatch.delitem(sys.modules, name)
    before = torch.get_num_threads()
    assert _part("models").DalleBartDecoder.__name__ == "DalleBartDecoder"
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (before, True)
    assert "min_dalle" not in sys.modules
