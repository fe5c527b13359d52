"""Audits of records: trained heads and training-free attacks against a target, with their controls."""

from lit_mia.audits.membership.membership import MembershipAudit

__all__ = ["MembershipAudit"]
