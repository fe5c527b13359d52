"""Configs put together from blocks, and the YAML that they are written in."""

from lit_mia.blocks.composing import (
    ObjectKeys,
    block_file,
    compose,
    config_folder,
    find_config,
    is_block,
    object_parameters,
    placed,
    shipped_names,
)
from lit_mia.blocks.yaml_text import dumps, load, loads

__all__ = [
    "ObjectKeys",
    "block_file",
    "compose",
    "config_folder",
    "dumps",
    "find_config",
    "is_block",
    "load",
    "loads",
    "object_parameters",
    "placed",
    "shipped_names",
]
