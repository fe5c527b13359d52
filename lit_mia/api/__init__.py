"""The Python API: what `lit_mia` exports, for notebooks and scripts."""

from lit_mia.own_datamodules import check

check()

from lit_mia.cli.classes import plugins  # noqa: E402 (it imports our datamodules)

plugins()
