"""What an identity audit returns."""

from lit_mia.report.identity.result import IdentityResult

__all__ = ["IdentityResult"]
