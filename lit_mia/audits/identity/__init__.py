"""Who is recognised by name."""

from lit_mia.audits.identity.identity import IdentityAudit

__all__ = ["IdentityAudit"]
