"""A sequence-to-sequence target trained for some steps on eight images."""

import pytest
import torch
from memory_source import MemorySource
from torch.nn import functional as F

from datamodules import TargetDataModule
from lit_mia.shadow.seq2seq import Seq2SeqTraining, image_codes, token_losses
from lit_mia.targets.seq2seq import Seq2SeqTarget
from lit_mia.tools.autoencoder import VqAutoencoderTraining
from lit_mia.training_batch import TrainingBatch

CODES, TOKENS, STEPS = 16, 64, 150


@pytest.fixture(scope="module")
def vq(tools, captioned, tmp_path_factory):
    """Folder of a VQModel whose codes are the k-means centres of the members' latents."""
    folder = tmp_path_factory.mktemp("vq") / "vq"
    torch.manual_seed(0)
    model = VqAutoencoderTraining(str(tools / "vae"), codes=CODES)
    model.start_codebook(captioned.images.float() / 255)
    model.export(folder)
    return folder


@pytest.fixture(scope="module")
def make(tools, vq):
    def made(**options):
        torch.manual_seed(0)
        tiny = {"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "dropout": 0.0}
        return Seq2SeqTraining(str(vq), str(tools / "tokenizer"), **tiny | options)

    return made


@pytest.fixture(scope="module")
def everyone(captioned, tmp_path_factory):
    """All eight records are trained on."""
    source = MemorySource(captioned.images, (1,) * 8, captioned.captions)
    return TargetDataModule(source, batch_size=4, cache_dir=str(tmp_path_factory.mktemp("decoded")))


@pytest.fixture(scope="module")
def trained(make, everyone, fit, tmp_path_factory):
    """An over-trained model, and its exported folder."""
    model, root = make(lr=1e-2), tmp_path_factory.mktemp("seq2seq")
    fit(model, everyone, STEPS, root)
    return model.eval(), root / "target"


@pytest.fixture
def batch():
    codes = torch.randint(0, CODES, (3, TOKENS), generator=torch.Generator().manual_seed(1))
    return TrainingBatch(torch.empty(0), ["red cat", "", "x"], {"codes": codes})


def test_codes_are_the_nearest_entries(vq, captioned):
    from diffusers import VQModel

    model = VQModel.from_pretrained(vq, torch_dtype=torch.float32)
    with torch.no_grad():
        points = model.encode(captioned.images.float() / 127.5 - 1).latents.permute(0, 2, 3, 1).reshape(8, TOKENS, -1)
        expected = torch.cdist(points, model.quantize.embedding.weight.expand(8, -1, -1)).argmin(-1)
    codes = image_codes(model, captioned.images)
    assert codes.dtype is torch.long
    assert (codes == expected).float().mean() > 0.999
    assert len(codes.unique()) > 4


def test_the_loss_is_the_likelihood_of_the_codes(make, batch):
    model = make(caption_dropout=0.0).eval()
    bart, tokenizer = model.bart, model.tokenizer
    offset = len(tokenizer)
    expected = []
    with torch.no_grad():
        for codes, caption in zip(batch.parts["codes"], batch.captions, strict=True):  # one by one, without padding
            inputs = torch.cat([torch.tensor([tokenizer.bos_token_id]), codes[:-1] + offset])[None]
            words = tokenizer(caption, return_tensors="pt")["input_ids"]
            logits = bart(words, decoder_input_ids=inputs).logits[0, :, offset:]
            expected.append(F.cross_entropy(logits, codes, reduction="none"))
        losses = token_losses(bart, tokenizer, batch.captions, batch.parts["codes"])
        torch.testing.assert_close(losses, torch.stack(expected), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(model.loss(batch), losses.mean())
        torch.testing.assert_close(model.probe_losses(batch, [1, 2, 3]), losses.mean(dim=1, keepdim=True))


def test_a_dropped_caption_becomes_the_empty_text(make, batch):
    always, never = make(caption_dropout=1.0).eval(), make(caption_dropout=0.0).eval()
    nothing = batch._replace(captions=[""] * 3)
    with torch.no_grad():
        torch.testing.assert_close(always.loss(batch), never.loss(nothing))
        assert float(always.loss(batch)) != pytest.approx(float(never.loss(batch)), rel=1e-6)


def test_training_lowers_the_loss(trained):
    model, _ = trained
    assert len(model.losses) == STEPS
    assert sum(model.losses[-10:]) < 0.3 * sum(model.losses[:10])


def test_an_over_trained_target_draws_its_members(trained, make, vq, captioned):
    _, folder = trained
    target = Seq2SeqTarget(str(folder), str(vq), top_k=1, device="cpu")
    codes = make().encode(captioned.images, captioned.captions)["codes"]
    drawn = target.draw(captioned.captions, range(8))
    assert (drawn == codes).float().mean() > 0.7
    assert (drawn == codes.roll(1, 0)).float().mean() < 0.35
    images = target.generate(captioned.captions, range(8))
    assert (images.dtype, images.shape) == (torch.uint8, (8, 3, 16, 16))


def test_the_export_holds_weights_and_tokenizer(trained, vq, captioned):
    model, folder = trained
    again = Seq2SeqTraining(str(vq), str(folder), start=str(folder))
    assert again.bart.dtype is torch.float32
    assert next(model.bart.parameters()).dtype is torch.float32
    for own, other in zip(model.bart.parameters(), again.bart.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)
    for caption in captioned.captions:
        assert again.tokenizer(caption)["input_ids"] == model.tokenizer(caption)["input_ids"]
