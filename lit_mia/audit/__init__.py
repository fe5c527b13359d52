"""From one YAML to numbers: what wires datamodules, attacks, metrics and report together."""

from lit_mia.audit.audit import Audit

__all__ = ["Audit"]
