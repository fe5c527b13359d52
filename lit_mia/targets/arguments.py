"""Refuses settings of a target that are out of range, all mistakes at once."""

from lit_mia.errors import TargetError


def check_arguments(*mistakes: str, guidance: float | None = None, **at_least_one: int | None) -> None:
    """Refuse settings out of range.

    Args:
        *mistakes: What is wrong already, in words.
        guidance: Scale of classifier-free guidance, at least 0, or None.
        **at_least_one: Settings that must be at least 1, or None.

    Raises:
        TargetError: Naming every mistake.
    """
    wrong = [f"`{name}` must be at least 1, but got {n}" for name, n in at_least_one.items() if n is not None and n < 1]
    wrong += mistakes
    if guidance is not None and guidance < 0:
        wrong.append(f"`guidance` must be at least 0, but got {guidance}")
    if wrong:
        raise TargetError("; ".join(wrong) + ".")
