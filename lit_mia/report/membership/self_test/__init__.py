"""How a self-test is shown: its table, its figure and its sentences."""

from lit_mia.report.membership.self_test.words import markdown, terminal

__all__ = ["markdown", "terminal"]
