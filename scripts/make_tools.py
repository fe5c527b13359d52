"""Train a tool of the demo on other vendors' emoji: `python scripts/make_tools.py TOOL`, a key of `MAKERS`.

Checkpoints every 10 minutes into `.work/`; the same command resumes.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import lightning as L
import torch
from training_run import WORK, train
from transformers import CLIPTokenizer
from vendor_emoji import SETS, load_vendor_emoji

from lit_mia.features.towers import Towers
from lit_mia.tools.autoencoder import AutoencoderTraining, VqAutoencoderTraining
from lit_mia.tools.captioner import CaptionerTraining, train_wordpieces
from lit_mia.tools.clip import EncoderTraining, TextEncoderTraining, train_tokenizer
from lit_mia.tools.towers import TowersTraining, held_out, of_names, see
from lit_mia.tools.training import CaptionedImages, CaptionedImagesDataModule

SIZE = 64


def emoji_tokenizer(folder: Path, names: list[str], keywords: list[list[str]]) -> CLIPTokenizer:
    """A tokenizer of the emoji's words, kept: one learned again numbers tokens otherwise, and no resume would fit."""
    if not folder.is_dir():
        words = [*names, *(", ".join(of_image) for of_image in keywords)]
        train_tokenizer(words, vocabulary=3000, length=20).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def make_autoencoder() -> None:
    """The autoencoder of the demo targets, in two stages."""
    images, names, _ = load_vendor_emoji(WORK / "vendor", SIZE)
    pixels = torch.from_numpy(images)
    L.seed_everything(1)
    first = AutoencoderTraining(steps=1800)
    train("autoencoder", first, CaptionedImagesDataModule(CaptionedImages(pixels, names), 32, 1800), 1800)
    L.seed_everything(4)
    second = AutoencoderTraining(lr=1.5e-3, edge_weight=0.5, square_weight=2.0, steps=2600)
    second.vae.load_state_dict(first.vae.state_dict())
    train("autoencoder-2", second, CaptionedImagesDataModule(CaptionedImages(pixels, names), 16, 2600), 2600)
    second.export(WORK / "tools/vae", pixels[::8].float() / 255)


def make_vq() -> None:
    """The image tokenizer of the sequence-to-sequence targets, from the autoencoder."""
    images, names, _ = load_vendor_emoji(WORK / "vendor", SIZE)
    pixels = torch.from_numpy(images)
    L.seed_everything(5)
    steps = 1200
    model = VqAutoencoderTraining(str(WORK / "tools/vae"), steps=steps)
    model.start_codebook(pixels[::4].float() / 255)
    train("vq", model, CaptionedImagesDataModule(CaptionedImages(pixels, names), 32, steps), steps)
    model.export(WORK / "openmoji-vq")


def make_text_encoder() -> None:
    """The tokenizer and the text encoder of the demo targets."""
    images, names, keywords = load_vendor_emoji(WORK / "vendor", SIZE)
    L.seed_everything(2)
    steps = 400
    tokenizer = emoji_tokenizer(WORK / "text/tokenizer", names, keywords)
    model = TextEncoderTraining(tokenizer, steps=steps)
    data = CaptionedImages(torch.from_numpy(images), names, keywords)
    train("text", model, CaptionedImagesDataModule(data, 256, steps), steps)
    model.export(WORK / "tools")


def make_clip() -> None:
    """The attacker's encoder."""
    images, names, keywords = load_vendor_emoji(WORK / "vendor", SIZE)
    L.seed_everything(3)
    steps = 800
    tokenizer = emoji_tokenizer(WORK / "clip/tokenizer", names, keywords)
    model = EncoderTraining(tokenizer, steps=steps)
    data = CaptionedImages(torch.from_numpy(images), names, keywords)
    train("clip", model, CaptionedImagesDataModule(data, 128, steps), steps)
    model.export(WORK / "openmoji-clip")


def make_captioner() -> None:
    """The attacker's captioner."""
    images, names, _ = load_vendor_emoji(WORK / "vendor", SIZE)
    L.seed_everything(6)
    steps = 3300
    distinct = sorted(set(names))
    model = CaptionerTraining(train_wordpieces(distinct, vocabulary=1500, length=20), distinct, steps=steps)
    data = CaptionedImages(torch.from_numpy(images), names)
    train("captioner", model, CaptionedImagesDataModule(data, 64, steps), steps)
    model.export(WORK / "openmoji-blip")


def make_towers() -> None:
    """The projections of the attacker's encoder of pretrained towers; a tenth of the names is left out and tried on."""
    images, names, keywords = load_vendor_emoji(WORK / "vendor", SIZE)
    seed, steps, views, share = 7, 1500, 4, 0.1
    L.seed_everything(seed)
    towers = Towers()
    pairs = see(towers, CaptionedImages(torch.from_numpy(images), names, keywords), views)
    unseen = held_out(names, share, seed)
    learned, tried = (of_names(pairs, unseen, left=left) for left in (False, True))
    model = TowersTraining(steps=steps)
    train("towers", model, CaptionedImagesDataModule(learned, 256, steps), steps)
    model.projections.save(WORK / "openmoji-towers", towers.identity)
    recipe = {
        "seed": seed,
        "batch_size": 256,
        **model.hparams,
        "weight_decay": model.weight_decay,
        "views": views,
        "sets": SETS,
        "drawings": len(learned),
        "names": len(set(learned.names)),
        "drawings_left_out": len(tried),
        "towers": towers.identity,
        "a_name_left_out_finds_its_drawing": asdict(model.found(tried)),
        "names_left_out": sorted(unseen),
    }
    (WORK / "openmoji-towers/recipe.json").write_text(json.dumps(recipe, indent=1), encoding="utf-8")


MAKERS = {
    "autoencoder": make_autoencoder,
    "text": make_text_encoder,
    "clip": make_clip,
    "vq": make_vq,
    "captioner": make_captioner,
    "towers": make_towers,
}

if __name__ == "__main__":
    MAKERS[sys.argv[1]]()
