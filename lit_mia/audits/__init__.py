"""The kinds of audit: what is made of a config."""

from lit_mia.own_datamodules import check

check()
