"""The black-box similarity attack of Pang and Wang (NDSS 2025, arXiv 2312.08207): captions in, images out."""

from typing import final

import torch

from lit_mia.attacks.statistics.base import Setting, StatisticAttack, Swept, check_arguments
from lit_mia.features.encoders import Encoder
from lit_mia.features.pixels import resize
from lit_mia.queries.requests import Finding, Generation, Steps, Subject
from lit_mia.targets.base import AccessLevel


@final
class PangWang(StatisticAttack):
    """Mean over m images x' made of the record's caption of the cosine similarity of E(x) and E(x').

    The official code embeds with DeiT and compares each feature over all tokens before its trained scorers; here E is
    any image encoder, and similarity that of its embeddings.

    Args:
        encoder: What embeds images, E.
        m: Generated images per record, or several numbers to choose from; the paper has 3.
    """

    name = "Pang-Wang"
    level = AccessLevel.GENERATE
    needs_captions = True
    swept = ("m",)

    def __init__(self, encoder: Encoder, m: Swept = 3) -> None:
        check_arguments(self.name, at_least=1, m=m)
        self.encoder, self.m = encoder, m

    @property
    def parameters(self) -> dict[str, object]:
        """See `StatisticAttack`."""
        revision = {"revision": self.encoder.revision} if self.encoder.revision > 1 else {}
        return {"m": self.m, "encoder": {**self.encoder.fingerprint(), **revision}}

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """M generations; the residual is |x − mean x'|, at the size of what the target generates."""
        generated = yield [Generation(index) for index in range(int(setting["m"]))]
        own = self.encoder.embed_images(subject.images)
        integers = (((image + 1) * 127.5).round().to(torch.uint8) for image in generated)
        others = (self.encoder.embed_images(image) for image in integers)
        similarity = [torch.nn.functional.cosine_similarity(own, other) for other in others]
        x = resize(subject.images, generated[0].shape[-1]).to(generated[0]) / 127.5 - 1
        return Finding(torch.stack(similarity).mean(0), (x - torch.stack(generated).mean(0)).abs())
