"""The tools of a tiny target."""

from tiny_tools import captioned, tokenizer, tools, train

__all__ = ["captioned", "tokenizer", "tools", "train"]
