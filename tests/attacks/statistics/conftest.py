"""What the tests of the formulas share: a random network with the plain maths beside it, and planted members."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from optimal_denoiser import OptimalTarget, names, smooth_images
from sklearn.metrics import roc_auc_score
from torch import Tensor

from lit_mia.queries.plans import run_pass
from lit_mia.queries.requests import Finding, Subject
from lit_mia.targets.denoiser import DenoiserTarget

CAPTIONS = ("a red cat", "two dogs, far away", "moon", "the sun at noon")
N = 100  # records of each class
KINDS = [f"a thing of kind {number % 20}" for number in range(N)]
BETAS = torch.linspace(1e-4, 0.02, 1000)  # float32, as diffusers has it
TYPES = {"float64": torch.float64, "float32": torch.float32}


@dataclass(frozen=True)
class Case:
    """Records before a random network, and everything that a published formula speaks of, without the package's maths.

    Attributes:
        subject: The records as attacks see them.
        x0: The same in the network's space.
        network: The network of diffusers itself, called with x, t and the states of captions, if it takes any.
        text: The text states of the records' captions.
        encode: From pixels from −1 to 1 to the network's space.
        decode: The other way.
        rtol: How closely scores must agree.
    """

    subject: Subject
    x0: Tensor
    network: Callable[..., tuple[Tensor]]
    text: Tensor | None
    encode: Callable[[Tensor], Tensor]
    decode: Callable[[Tensor], Tensor]
    rtol: float
    alphas_bar: tuple[float, ...] = tuple(torch.cumprod(1 - BETAS, 0).double().tolist())

    def eps(self, x: Tensor, t: int, text: Tensor | None = None) -> Tensor:
        states = self.text if text is None else text
        with torch.no_grad():
            return self.network(x, t, **({} if states is None else {"encoder_hidden_states": states})).sample

    def noised(self, x: Tensor, e: Tensor, t: int) -> Tensor:
        return self.alphas_bar[t] ** 0.5 * x + (1 - self.alphas_bar[t]) ** 0.5 * e

    def clean(self, x: Tensor, eps: Tensor, t: int) -> Tensor:
        return (x - (1 - self.alphas_bar[t]) ** 0.5 * eps) / self.alphas_bar[t] ** 0.5

    def ddim(self, x: Tensor, t: int, to: int) -> Tensor:
        eps = self.eps(x, t)
        return self.noised(self.clean(x, eps, t), eps, to)

    def find(self, attack) -> Finding:
        """What the attack finds in its only setting."""
        (setting,) = attack.settings()
        (finding,) = run_pass(self.subject, [attack.measure(self.subject, setting)]).findings
        return finding

    def score(self, attack) -> Tensor:
        return self.find(attack).statistic

    def check(self, attack, statistic: Tensor, residual: Tensor, terms: float = 0.0) -> None:
        """The attack finds this statistic, another one for each record, and this map.

        Args:
            attack: The attack.
            statistic: What it must find.
            residual: Its map.
            terms: Size of the terms, if the statistic is a difference of terms.
        """
        found = self.find(attack)
        assert statistic.unique(dim=0).shape == statistic.shape
        torch.testing.assert_close(found.statistic, statistic, rtol=self.rtol, atol=self.rtol * terms)
        torch.testing.assert_close(found.residual, residual, rtol=self.rtol, atol=self.rtol)


def _as_it_is(x: Tensor) -> Tensor:
    return x


@pytest.fixture(scope="session", params=[("float64", 1e-8), ("float32", 1e-5)], ids=lambda param: param[0])
def case(request, tiny_ddpm_folder) -> Case:
    """Four images before the random pixel network, once in double and once in single precision."""
    from diffusers import UNet2DModel

    precision, rtol = request.param
    network = UNet2DModel.from_pretrained(tiny_ddpm_folder / "unet").to(TYPES[precision])
    target = DenoiserTarget(str(tiny_ddpm_folder), precision=precision, device="cpu")
    images = smooth_images(4, seed=5, side=16)
    subject = Subject(target, names(4), images, (None,) * 4, seed=3)
    return Case(subject, images.to(TYPES[precision]) / 127.5 - 1, network, None, _as_it_is, _as_it_is, rtol)


@pytest.fixture(scope="session")
def latent_case(tiny_pipeline_folder) -> Case:
    """Four captioned images before the random Stable Diffusion, in double precision."""
    from diffusers import StableDiffusionPipeline

    images = smooth_images(4, seed=6, side=16)
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_pipeline_folder).to(torch.float64)
    pipeline.set_progress_bar_config(disable=True)
    scale = pipeline.vae.config.scaling_factor
    target = DenoiserTarget(str(tiny_pipeline_folder), precision="float64", device="cpu")

    @torch.no_grad()
    def encode(pixels):
        return pipeline.vae.encode(pixels).latent_dist.mode() * scale

    @torch.no_grad()
    def decode(x):
        return pipeline.vae.decode(x / scale).sample

    with torch.no_grad():
        text, _ = pipeline.encode_prompt(list(CAPTIONS), "cpu", 1, False)
    x0 = encode(images.double() / 127.5 - 1)
    return Case(Subject(target, names(4), images, CAPTIONS, seed=4), x0, pipeline.unet, text, encode, decode, 1e-8)


class World:
    """A target that has memorised a training set, and records of which the first half are called members.

    Args:
        training: The training set.
    """

    def __init__(self, training: Tensor) -> None:
        self.training = training
        self.images = torch.cat([smooth_images(N, seed=1), smooth_images(N, seed=2)])

    def subject(self, captioned: bool = False, rows: slice = slice(None)) -> Subject:
        target = OptimalTarget(self.training, KINDS if captioned else None)
        ids, captions = names(2 * N), tuple(KINDS * 2)
        return Subject(target, ids[rows], self.images[rows], captions[rows])

    def auc(self, attack) -> float:
        """How well the attack tells the halves apart in its only setting."""
        subject = self.subject(attack.needs_captions)
        (setting,) = attack.settings()
        (finding,) = run_pass(subject, [attack.measure(subject, setting)]).findings
        components = finding.statistic.reshape(2 * N, -1).numpy()
        scores = attack.combine(components, setting, np.arange(0, 2 * N, 2))
        return float(roc_auc_score(np.arange(2 * N) < N, scores))


@pytest.fixture(scope="session")
def planted() -> World:
    """The members are the training set; the captions say nothing, each belongs to five members and five others."""
    return World(smooth_images(N, seed=1))


@pytest.fixture(scope="session")
def unrelated() -> World:
    """The training set is a third one."""
    return World(smooth_images(N, seed=3))


@pytest.fixture(scope="session")
def chance() -> float:
    """How far from one half an AUC without a signal may be: 3.5 standard errors."""
    return 3.5 * ((2 * N + 1) / (12 * N**2)) ** 0.5


@pytest.fixture
def cost():
    """What an attack alone costs per record, by the target's own counter; its highest timestep must be as declared."""

    def cost_of(attack) -> int:
        images = smooth_images(3, seed=1, side=40)
        target = OptimalTarget(images, KINDS[:3] if attack.needs_captions else None)
        subject = Subject(target, names(3), images, tuple(KINDS[:3]))
        (setting,) = attack.settings()
        result = run_pass(subject, [attack.measure(subject, setting)])
        assert target.nfe == 3 * result.shared
        assert result.evaluations == [result.shared]
        assert max(target.timesteps, default=0) == attack.highest_timestep(setting)
        return result.shared

    return cost_of
