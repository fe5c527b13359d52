"""The autoencoder's round trip of an image: a control, because it says nothing about the denoiser."""

from typing import final

from lit_mia.attacks.statistics.base import Setting, StatisticAttack
from lit_mia.attacks.statistics.distances import compare
from lit_mia.queries.requests import Finding, Steps, Subject


@final
class RoundTrip(StatisticAttack):
    """−‖x − D(E(x))‖₂: images that the autoencoder keeps well look like members to attacks that compare images."""

    name = "round trip"
    reconstructs = True
    swept = ()

    def measure(self, subject: Subject, setting: Setting) -> Steps:
        """No evaluations; the residual is |x − D(E(x))|."""
        yield from ()
        decoded = subject.denoiser.decode(subject.x0)
        closeness, residual = compare("l2", subject.pixels, decoded)
        return Finding(closeness, residual, (subject.pixels, decoded))
