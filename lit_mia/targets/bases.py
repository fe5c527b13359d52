"""The base of a target, the model before its fine-tuning: which one it is, and whether the two can be asked alike."""

from pathlib import Path

import torch

from lit_mia.errors import TargetError
from lit_mia.files import key_digest
from lit_mia.reasons import listed
from lit_mia.targets.base import DenoiseTarget, Target
from lit_mia.targets.sameness import holds, model_of, settings_apart

_ROUNDING = 1e-3
"""Share of the largest latent by which those of one image may differ on two devices."""


def has_base(target: Target, given: Target | None) -> bool:
    """Whether a target has a base.

    Args:
        target: The target.
        given: Its base, if the user names one.
    """
    return given is not None or target.before_adapter() is not None


def base_folder(store: Path, base: Target) -> Path:
    """Where a base's answers are kept beside those of a target, the same for all targets that came from it.

    Args:
        store: Folder of the target's answers.
        base: The base.
    """
    return store.parent / f"base-{key_digest(dict(base.fingerprint()))[:12]}"


def base_of(target: Target, given: Target | None) -> Target:
    """The base of a target.

    Args:
        target: The target.
        given: Its base, if the user names one; else the target without its adapter. One that is the target without its
            adapter shares the weights that the target has loaded.

    Raises:
        TargetError: If there is none, it is no other model than the target, or it is not asked as that is.
    """
    own = target.before_adapter()
    base = own if given is None or (own is not None and own.fingerprint() == given.fingerprint()) else given
    if base is None:
        raise TargetError(
            f"Calibrated attacks ask the model that {target.name!r} was fine-tuned from, but there is no `base`. Give "
            "it beside `target`; only a target with LoRA weights is its own base with these off."
        )
    if holds(base.fingerprint(), target.fingerprint()):
        raise TargetError(
            f"The base {base.name!r} holds the weights of the target {target.name!r}, so that nothing lies between "
            "them. Give the model before the fine-tuning."
        )
    apart = settings_apart(target.fingerprint(), base.fingerprint())
    if apart:
        raise TargetError(
            f"The base {base.name!r} must be asked as the target {target.name!r} is, but "
            f"{listed([f'`{name}`' for name in apart], most=5)} differ. Give both the same settings."
        )
    return base


def is_base(model: Target, base: Target) -> bool:
    """Whether a model is a base, so that it cannot be the placebo of what reads that base.

    Args:
        model: The model, such as a placebo.
        base: The base.
    """
    return model_of(model.fingerprint()) == model_of(base.fingerprint())


def check_same_noise(base: Target, target: Target, image_size: int) -> None:
    """Refuse a base whose schedule or autoencoder makes other noisy images of the same records.

    Args:
        base: The base.
        target: The target.
        image_size: Side of the images in pixels.

    Raises:
        TargetError: If it does.
    """
    if not (isinstance(base, DenoiseTarget) and isinstance(target, DenoiseTarget)):
        return
    if base.schedule != target.schedule or not _encode_alike(base, target, image_size):
        raise TargetError(
            f"The base {base.name!r} was trained with another noise schedule than the target {target.name!r}, or on "
            "the latents of another autoencoder, so that the same record at the same timestep is not the same noisy "
            "image. Give the model before the fine-tuning; one that differs in its autoencoder alone may be given the "
            "target's."
        )


def _encode_alike(base: DenoiseTarget, target: DenoiseTarget, image_size: int) -> bool:
    """Whether both make the same of an image, up to the rounding of devices."""
    ramp = torch.arange(3 * image_size**2).remainder(256).to(torch.uint8).view(1, 3, image_size, image_size)
    one, other = (model.encode(ramp, [0]).double().cpu() for model in (base, target))
    return one.shape == other.shape and torch.allclose(one, other, rtol=0, atol=float(_ROUNDING * other.abs().max()))
