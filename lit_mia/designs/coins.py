"""Coins and names: everything that chance decides follows from the seed, which nobody can guess unless it is given."""

import hashlib
import secrets

from lit_mia.splits import group_coin


def new_seed() -> str:
    """A seed from the system's source of randomness, 128 bits in hex."""
    return secrets.token_hex(16)


def salt_of(seed: str) -> str:
    """What keeps the commitment and the file names from being guessed, hex."""
    return hashlib.sha256(f"design/{seed}/salt".encode()).hexdigest()


def is_drawn(seed: str, group: str, include: float) -> bool:
    """Whether a group's coin, which is independent of all others, puts it into the training set.

    Args:
        seed: The seed of the design.
        group: Name of the group.
        include: Probability that it is in.
    """
    return group_coin(f"design/{seed}/coin", group) < include


def file_name(salt: str, entry: str, copy: int) -> str:
    """The name of a file, which says nothing to those who do not know the salt.

    Args:
        salt: The salt of the design.
        entry: Id of the record or canary.
        copy: Which of its files.
    """
    return f"{hashlib.sha256(f'{salt}/{entry}/{copy}'.encode()).hexdigest()[:16]}.png"
