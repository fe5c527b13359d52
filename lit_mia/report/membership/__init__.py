"""The result of a membership audit: numbers, table, page, W&B."""

from lit_mia.report.membership.result import MembershipResult

__all__ = ["MembershipResult"]
