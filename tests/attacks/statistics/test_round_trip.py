"""The autoencoder's round trip: a control that asks the denoiser nothing."""

import torch

from lit_mia.attacks.statistics.round_trip import RoundTrip


def test_it_is_the_distance_to_the_decoded_image(latent_case):
    decoded = latent_case.decode(latent_case.x0)
    residual = (latent_case.subject.pixels - decoded).abs()
    latent_case.check(RoundTrip(), -residual.square().flatten(1).sum(1).sqrt(), residual)
    assert torch.isfinite(residual).all()


def test_it_asks_nothing(cost):
    assert cost(RoundTrip()) == 0
