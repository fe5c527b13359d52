"""Leak of a demo target against its training steps: `python scripts/leak_curve.py demo|seq2seq`.

On train and val records only. Reads the snapshots of `make_demo_targets.py`, asks each for those records (the store
keeps what was asked), and scores simple linear heads cross-fitted on two halves of the groups. Chooses nothing: it
writes `leak_curve.csv` and `leak_curve.png` beside the snapshots, from which the shipped step was read.
"""

import csv
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datamodules.sources.openmoji import OpenMojiSource
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.metrics.auc import auc
from lit_mia.queries.generate import fill, queries_for, read
from lit_mia.queries.store import Store
from lit_mia.records import Records
from lit_mia.shadow.diffusion import encode_images, encode_texts, load_tools
from lit_mia.shadow.seq2seq import encode_codes, token_losses
from lit_mia.splits import assign_splits
from lit_mia.targets.base import GenerateTarget
from lit_mia.targets.diffusion import DiffusersTarget
from lit_mia.targets.seq2seq import Seq2SeqTarget

WORK = Path(".work")
TIMESTEPS = (50, 100, 200, 300, 400)


def main() -> None:
    """Measure every snapshot."""
    family = sys.argv[1]
    target_of, white_box = {"demo": (latent_target, denoising_loss), "seq2seq": (token_target, token_loss)}[family]
    everything = OpenMojiSource("demo").load()
    splits = assign_splits(everything)
    records = everything.select(sorted(splits.rows["train"] + splits.rows["val"]))
    x = np.stack([np.asarray(records.open_image(i)) for i in range(len(records))]).transpose(0, 3, 1, 2)
    encoder = OpenClipEncoder(str(WORK / "openmoji-clip"))
    images, texts = encoder.embed_images(x), encoder.embed_texts([str(c) for c in records.captions])
    rows = []
    for folder in sorted((WORK / f"openmoji-{family}/snapshots").iterdir()):
        answers = generate(target_of(folder), WORK / "leak" / family / folder.name, records)
        generated = encoder.embed_images(answers)
        features = {
            "blind (image)": images,
            "I-S": generated,
            "II-P": pooled(torch.from_numpy(x), answers),
            "II-S": (images - generated).square(),
            "III": (texts - generated).square(),
            "IV": torch.cat([generated, (images - generated).square(), (texts - generated).square()], dim=1),
        }
        scores = {name: cross_fitted(value.numpy(), records) for name, value in features.items()}
        scores["loss (white box)"] = -white_box(folder, torch.from_numpy(x), records).numpy()
        row = {name: round(auc(score, records.members), 4) for name, score in scores.items()}
        rows.append({"step": int(folder.name.removeprefix("step-")), **row})
        print(rows[-1], flush=True)
    write(rows, WORK / f"openmoji-{family}")


def latent_target(folder: Path) -> GenerateTarget:
    """A snapshot of the latent demo target."""
    return DiffusersTarget(str(folder), steps=10, guidance=2.0, scheduler="dpmsolver", batch_size=64)


def token_target(folder: Path) -> GenerateTarget:
    """A snapshot of the sequence-to-sequence demo target."""
    return Seq2SeqTarget(str(folder), str(WORK / "openmoji-vq"))


def generate(target: GenerateTarget, path: Path, records: Records) -> torch.Tensor:
    """The target's answers, uint8 `[n, 3, 64, 64]`."""
    store = Store(path, target.fingerprint())
    queries = queries_for(records, 1, 0)
    fill(store, target, queries)
    return read(store, queries, records)[:, 0]


def pooled(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """|x − x'| on an 8 × 8 grid, `[n, 192]`."""
    return torch.nn.functional.avg_pool2d((x.float() - y.float()).abs() / 255, 8).flatten(1)


def cross_fitted(features: np.ndarray, records: Records) -> np.ndarray:
    """Scores of logistic regressions, each half of the groups scored by the other half's."""
    half = np.array([int(hashlib.sha256(g.encode()).hexdigest(), 16) % 2 for g in records.groups])
    labels, scores = np.array(records.members), np.zeros(len(records))
    for part in (0, 1):
        head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
        head.fit(features[half != part], labels[half != part])
        scores[half == part] = head.decision_function(features[half == part])
    return scores


@torch.inference_mode()
def denoising_loss(folder: Path, x: torch.Tensor, records: Records) -> torch.Tensor:
    """Mean squared error of the predicted noise, `[n]`: the loss attack, as a ceiling."""
    from diffusers import DDPMScheduler, UNet2DConditionModel

    tools = load_tools(folder)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32).eval()
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    latents = encode_images(tools["vae"], x)
    text = encode_texts(tools["text_encoder"], tools["tokenizer"], [str(c) for c in records.captions])
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    total = torch.zeros(len(latents))
    for t in TIMESTEPS:
        time = torch.full((len(latents),), t)
        noisy = scheduler.add_noise(latents, noise, time)
        for part in torch.arange(len(latents)).split(128):
            error = unet(noisy[part], time[part], text[part]).sample - noise[part]
            total[part] += error.square().mean(dim=(1, 2, 3))
    return total


@torch.inference_mode()
def token_loss(folder: Path, x: torch.Tensor, records: Records) -> torch.Tensor:
    """Mean cross-entropy of the image tokens given the caption, `[n]`."""
    from transformers import AutoTokenizer, BartForConditionalGeneration

    bart = BartForConditionalGeneration.from_pretrained(folder, torch_dtype=torch.float32).eval()
    tokenizer, codes = AutoTokenizer.from_pretrained(folder), encode_codes(WORK / "openmoji-vq", x)
    parts = torch.arange(len(codes)).split(128)
    losses = [token_losses(bart, tokenizer, [str(records.captions[i]) for i in part], codes[part]) for part in parts]
    return torch.cat(losses).mean(dim=1)


def write(rows: list[dict[str, float]], folder: Path) -> None:
    """The table and the plot."""
    with (folder / "leak_curve.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in list(rows[0])[1:]:
        style = "--" if name.startswith(("blind", "loss")) else "-"
        axes.plot([row["step"] for row in rows], [row[name] for row in rows], style, marker="o", label=name)
    axes.axhline(0.5, color="grey", linewidth=0.8)
    axes.set(xlabel="training steps", ylabel="AUC on train + val, cross-fitted", ylim=(0.4, 1.02))
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(folder / "leak_curve.png", dpi=150)


if __name__ == "__main__":
    main()
