"""Whether this machine has the devices that an audit names, before anything is asked."""

from collections.abc import Iterable

from datamodules import AskedDataModule, AuditDataModule
from lit_mia.attacks import Budget
from lit_mia.attacks.budgets import trainer_of
from lit_mia.features.encoders import Encoder
from lit_mia.models import resolve_device


def check_machine(sides: Iterable[AskedDataModule], budget: Budget, fid_encoder: Encoder | None) -> None:
    """Refuse devices that this machine has not; what is stored already needs none.

    Args:
        sides: Whose targets and tools will answer what is missing.
        budget: What heads are trained with.
        fid_encoder: What distances are measured with.

    Raises:
        HeadError: If heads cannot be trained here.
        ConfigError: If a device is not there.
    """
    trainer_of(budget)
    if fid_encoder is not None:
        resolve_device(fid_encoder.device)
    for side in sides:
        devices = set(_devices(side)) - {"auto", "cpu"}
        if devices and side.estimate().missing:
            for device in sorted(devices):
                resolve_device(device)


def _devices(side: AskedDataModule) -> Iterable[str]:
    """What target and tools of a side name."""
    tools = side.tools if isinstance(side, AuditDataModule) else None
    parts = (side.target, *((tools.encoder, tools.text_encoder, tools.captioner) if tools else ()))
    return (part.device for part in parts if part is not None)
