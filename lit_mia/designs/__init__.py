"""Designs of an owner: which images a model is to be trained on is decided by coins, before it is trained."""

from lit_mia.designs.canaries import Canaries
from lit_mia.designs.drawing import Plan, Settings, drawn, look_through
from lit_mia.designs.folder import Begun, write
from lit_mia.designs.layouts import LAYOUTS, Layout
from lit_mia.designs.manifest import Entry, Manifest, WrittenFile

__all__ = [
    "LAYOUTS",
    "Begun",
    "Canaries",
    "Entry",
    "Layout",
    "Manifest",
    "Plan",
    "Settings",
    "WrittenFile",
    "drawn",
    "look_through",
    "write",
]
