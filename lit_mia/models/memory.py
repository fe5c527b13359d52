"""Too little memory, said as one error with the settings that need less."""

from collections.abc import Iterator
from contextlib import contextmanager

from lit_mia.errors import TooLittleMemoryError

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")
"""What torch says on accelerators and on the CPU; only accelerators have an exception of their own."""


@contextmanager
def enough_memory() -> Iterator[None]:
    """Run a model, and say what to do if the memory does not suffice.

    Raises:
        TooLittleMemoryError: If it does not.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error) for sign in SIGNS):
            raise
        said = (str(error).splitlines() or ["no more is known"])[0]
        raise TooLittleMemoryError(
            f"There is too little memory ({said}). Lower `batch_size`, which changes no answer; or set `dtype` "
            "(`precision` of a `DenoiserTarget`) to `bfloat16`, or `offload` of a `DiffusersTarget`. What was stored "
            "before stays."
        ) from error
