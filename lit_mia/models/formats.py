"""Which of the weights in a folder can be read: safetensors of the variant asked for."""

from pathlib import Path

from lit_mia.errors import LitMiaError

_CODE = {".bin", ".pt", ".pth", ".ckpt", ".msgpack", ".h5"}
_SAFE = ".safetensors"


def check_formats(folder: Path, error: type[LitMiaError], variant: str | None = None) -> None:
    """Refuse a folder with weights of which none can be read.

    Args:
        folder: The folder of one model; one without any weights passes.
        error: What to raise.
        variant: The weight variant that is wanted, such as `fp16`; weights without one serve too.

    Raises:
        LitMiaError: If there are only weights in formats that can hold code, or of other variants.
    """
    names = [file.name for file in folder.iterdir()]
    variants = {_variant(name) for name in names if name.endswith(_SAFE)}
    others = sorted({Path(name).suffix for name in names} & _CODE)
    if variants and not {None, variant} & variants:
        known = sorted(filter(None, variants))
        raise error(
            f"The weights in {str(folder)!r} are of the variant {' or '.join(known)} only. Set `variant: {known[0]}`, "
            "or save the model again without a variant where there is no such setting."
        )
    if not variants and others:
        raise error(
            f"The weights in {str(folder)!r} are {' and '.join(others)} files, which can hold code and are not read. "
            "Convert them once where you trust them: load with `from_pretrained` of diffusers or transformers, and "
            "write safetensors to a new folder with `save_pretrained`."
        )


def _variant(name: str) -> str | None:
    """`fp16` of `model.fp16.safetensors` and `model.fp16-00001-of-00002.safetensors`; None of `model.safetensors`."""
    middle = name.removesuffix(_SAFE).partition(".")[2]
    return middle.partition("-")[0] or None
