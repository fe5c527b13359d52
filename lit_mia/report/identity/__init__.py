"""What an identity audit returns."""

from lit_mia.report.identity.result import IdentityResult, identity_limits
from lit_mia.report.identity.schema import (
    AtImages,
    AtThreshold,
    GridCell,
    Half,
    IdentityRow,
    IdentityRowKind,
    PersonLine,
    Questioning,
)

__all__ = [
    "AtImages",
    "AtThreshold",
    "GridCell",
    "Half",
    "IdentityResult",
    "IdentityRow",
    "IdentityRowKind",
    "PersonLine",
    "Questioning",
    "identity_limits",
]
