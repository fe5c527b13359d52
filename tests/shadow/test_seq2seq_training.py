"""A sequence-to-sequence target trained for some steps on eight images."""

import json

import pytest
import torch
from torch.nn import functional as F

from lit_mia.shadow.autoencoder import VqAutoencoderTraining
from lit_mia.shadow.seq2seq import Seq2SeqTraining, TokenBatch, TokenDataModule, encode_codes, token_losses
from lit_mia.targets.seq2seq import Seq2SeqTarget

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
def make(tools):
    def made(**options):
        torch.manual_seed(0)
        tiny = {"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "dropout": 0.0, "steps": STEPS}
        return Seq2SeqTraining(str(tools / "tokenizer"), **{"codes": CODES, "image_tokens": TOKENS} | tiny | options)

    return made


@pytest.fixture(scope="module")
def data(captioned, vq):
    def made(steps=STEPS):
        return TokenDataModule(captioned.images, captioned.captions, str(vq), batch_size=4, steps=steps)

    return made


@pytest.fixture(scope="module")
def trained(make, data, train, tmp_path_factory):
    """An over-trained model, and its exported folder."""
    model = make(lr=1e-2)
    train(model, data(), STEPS)
    folder = tmp_path_factory.mktemp("seq2seq") / "target"
    model.export(folder, {"members": ["a", "b"]})
    return model.eval(), folder


@pytest.fixture
def batch():
    return TokenBatch(
        torch.randint(0, CODES, (3, TOKENS), generator=torch.Generator().manual_seed(1)), ["red cat", "", "x"]
    )


def test_codes_are_the_nearest_entries(vq, captioned):
    from diffusers import VQModel

    model = VQModel.from_pretrained(vq, torch_dtype=torch.float32)
    with torch.no_grad():
        points = model.encode(captioned.images.float() / 127.5 - 1).latents.permute(0, 2, 3, 1).reshape(8, TOKENS, -1)
        expected = torch.cdist(points, model.quantize.embedding.weight.expand(8, -1, -1)).argmin(-1)
    codes = encode_codes(vq, captioned.images)
    assert codes.dtype is torch.long
    assert (codes == expected).float().mean() > 0.999
    assert len(codes.unique()) > 4


def test_batches_go_through_the_members_in_random_order(data, captioned):
    module = data(steps=4)
    module.setup("fit")
    torch.manual_seed(0)
    batches = list(module.train_dataloader())
    captions = [caption for batch in batches for caption in batch.captions]
    assert [len(batch.captions) for batch in batches] == [4] * 4
    assert sorted(captions[:8]) == sorted(captions[8:]) == sorted(captioned.captions)
    assert captions[:8] != captions[8:]
    rows = [captioned.captions.index(caption) for caption in batches[0].captions]
    assert torch.equal(batches[0].codes, module.codes[rows])


def test_the_loss_is_the_likelihood_of_the_codes(make, batch):
    model = make(caption_dropout=0.0).eval()
    bart, tokenizer = model.bart, model.tokenizer
    offset = len(tokenizer)
    expected = []
    with torch.no_grad():
        for codes, caption in zip(batch.codes, batch.captions, strict=True):  # one by one, without padding
            inputs = torch.cat([torch.tensor([tokenizer.bos_token_id]), codes[:-1] + offset])[None]
            words = tokenizer(caption, return_tensors="pt")["input_ids"]
            logits = bart(words, decoder_input_ids=inputs).logits[0, :, offset:]
            expected.append(F.cross_entropy(logits, codes, reduction="none"))
        losses = token_losses(bart, tokenizer, batch.captions, batch.codes)
        torch.testing.assert_close(losses, torch.stack(expected), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(model.loss(batch), losses.mean())


def test_a_dropped_caption_becomes_the_empty_text(make, batch):
    always, never = make(caption_dropout=1.0).eval(), make(caption_dropout=0.0).eval()
    nothing = TokenBatch(batch.codes, [""] * 3)
    with torch.no_grad():
        torch.testing.assert_close(always.loss(batch), never.loss(nothing))
        assert float(always.loss(batch)) != pytest.approx(float(never.loss(batch)), rel=1e-6)


def test_training_lowers_the_loss(trained):
    model, _ = trained
    assert len(model.losses) == STEPS
    assert sum(model.losses[-10:]) < 0.3 * sum(model.losses[:10])


def test_an_over_trained_target_draws_its_members(trained, vq, captioned):
    _, folder = trained
    target = Seq2SeqTarget(str(folder), str(vq), top_k=1, device="cpu")
    codes = encode_codes(vq, captioned.images)
    drawn = target.draw(captioned.captions, range(8))
    assert (drawn == codes).float().mean() > 0.7
    assert (drawn == codes.roll(1, 0)).float().mean() < 0.35
    images = target.generate(captioned.captions, range(8))
    assert (images.dtype, images.shape) == (torch.uint8, (8, 3, 16, 16))


def test_the_export_holds_weights_tokenizer_and_membership(trained, captioned):
    model, folder = trained
    facts = json.loads((folder / "membership.json").read_text())
    assert (facts["members"], facts["steps"]) == (["a", "b"], STEPS)
    assert facts["losses_every_50_steps"][0] == pytest.approx(sum(model.losses[:50]) / 50, abs=1e-5)
    again = Seq2SeqTraining(str(folder), start=str(folder))
    assert again.bart.dtype is torch.float32
    assert next(model.bart.parameters()).dtype is torch.float32
    for own, other in zip(model.bart.parameters(), again.bart.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)
    for caption in captioned.captions:
        assert again.tokenizer(caption)["input_ids"] == model.tokenizer(caption)["input_ids"]


def test_a_resume_goes_on_where_it_stopped(make, data, train, tmp_path):
    model = make(steps=4)
    train(model, data(4), 2).save_checkpoint(tmp_path / "last.ckpt")
    again = make(steps=4)
    trainer = train(again, data(4), 4, ckpt_path=str(tmp_path / "last.ckpt"))
    assert trainer.global_step == len(again.losses) == 4
    assert again.losses[:2] == model.losses
