"""The tools of a tiny target, trained for a few steps by the package's own modules."""

import lightning as L
import pytest
import torch

from lit_mia.attacks.training import quiet
from lit_mia.tools.autoencoder import AutoencoderTraining
from lit_mia.tools.clip import TextEncoderTraining, train_tokenizer
from lit_mia.tools.training import CaptionedImages, CaptionedImagesDataModule

NAMES = ["red cat", "blue dog", "green fish", "white bird", "old house", "new car", "tall tree", "small boat"]
KEYWORDS = [["animal"], ["animal"], ["sea"], [], ["home", "brick"], ["road"], ["wood"], ["sea"]]


@pytest.fixture(scope="session")
def captioned():
    """Eight noise images of 16 px with captions."""
    images = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return CaptionedImages(images, NAMES, KEYWORDS)


@pytest.fixture(scope="session")
def train():
    """Trains a module for some steps on the CPU; gives the trainer."""

    def trained(model, data, steps, callbacks=(), ckpt_path=None):
        with quiet():
            trainer = L.Trainer(
                accelerator="cpu",
                max_steps=steps,
                callbacks=list(callbacks),
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
            trainer.fit(model, data, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return trained


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer(NAMES, vocabulary=600, length=8)


@pytest.fixture(scope="session")
def tools(tmp_path_factory, captioned, tokenizer, train):
    """Folder with `vae`, `text_encoder` and `tokenizer`."""
    folder = tmp_path_factory.mktemp("tools")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        autoencoder = AutoencoderTraining(image_size=16, channels=(8, 16), latent_channels=4, steps=3)
        train(autoencoder, CaptionedImagesDataModule(captioned, 4, 3), 3)
        autoencoder.export(folder / "vae", captioned.images.float() / 255)
        text = TextEncoderTraining(tokenizer, width=8, layers=1, heads=2, steps=3)
        train(text, CaptionedImagesDataModule(captioned, 8, 3), 3)
        text.export(folder)
    return folder
