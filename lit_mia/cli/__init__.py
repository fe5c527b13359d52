"""What the command line is made of."""

from lit_mia.own_datamodules import check

check()
