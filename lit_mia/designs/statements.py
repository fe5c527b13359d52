"""What a trainer says that leaves no trace in its folder: how many examples it used, and with which options."""

import re

from lit_mia.designs.layouts import CAPTION
from lit_mia.errors import DesignError

_EXAMPLES = re.compile(r"Num examples\s*=\s*([\d,]+)")
_SWITCHES = ("random_flip", "center_crop", "with_prior_preservation")
_NUMBERS = ("max_train_samples", "repeats", "resolution", "proportion_empty_prompts")
_OPTION = re.compile(rf"--(?:({'|'.join(_SWITCHES)})\b|({'|'.join(_NUMBERS)})[ =]+[\"']?(\d+(?:\.\d+)?))")
"""Options of diffusers' scripts that say which part of a folder is learned."""
_CAPTIONS = re.compile(r"--caption_column[ =]+[\"']?([\w.-]+)")


def examples_in(log: str) -> int | None:
    """How many examples a trainer logs, as diffusers' scripts do; None if it does not.

    Raises:
        DesignError: If it logs several numbers.

    >>> examples_in("INFO - __main__ -   Num examples = 833")
    833
    """
    found = sorted({int(digits.replace(",", "")) for digits in _EXAMPLES.findall(log)})
    if len(found) > 1:
        raise DesignError(
            f"The log tells of runs on {', '.join(map(str, found))} examples. Give the part of the run that made the "
            "model."
        )
    return found[0] if found else None


def options_in(log: str) -> dict[str, str]:
    """The options of a command line in a log that say which part of a folder is learned; a switch is `on`.

    >>> options_in("train_text_to_image.py --resolution=512 --random_flip --seed 3")
    {'resolution': '512', 'random_flip': 'on'}
    """
    return {switch or name: value or "on" for switch, name, value in _OPTION.findall(log)}


def told_statements(files: int, examples: int | None, log: str | None) -> list[str]:
    """Sentences on what is stated, and on what is not.

    Args:
        files: How many files the training folder holds.
        examples: How many examples the user says the trainer used, if so.
        log: The text of the trainer's log, if there is one.

    Raises:
        DesignError: If a statement contradicts the folder, or another.
    """
    logged, options = (examples_in(log), options_in(log)) if log is not None else (None, {})
    if None not in (logged, examples) and logged != examples:
        raise DesignError(f"`examples` is {examples}, but the log says {logged}. Mend `examples`, or leave it out.")
    used = examples if logged is None else logged
    _check_samples(files, options.get("max_train_samples"))
    _check_captions(log or "")
    return [_told_examples(files, used, "logged" if used == logged else "stated"), _told_options(log, options)]


def _check_samples(files: int, most: str | None) -> None:
    if most is not None and float(most) < files:
        raise DesignError(
            f"By its log the trainer used `--max_train_samples {most}` of {files} files, so coins do not tell who was "
            "trained on. Train on all files of the folder, or make a smaller design."
        )


def _check_captions(log: str) -> None:
    others = sorted({*_CAPTIONS.findall(log)} - {CAPTION})
    if others:
        raise DesignError(
            f"By its log the trainer used `--caption_column {', '.join(others)}`, but the captions of the design are "
            f"in `{CAPTION}`, so those that were learned are not known. Train with `--caption_column {CAPTION}`."
        )


def _told_examples(files: int, examples: int | None, how: str) -> str:
    if examples is None:
        return (
            f"How many examples the trainer used is neither stated nor logged: that it used all {files} files alike is "
            "taken on trust."
        )
    if min(examples, files) < 1 or examples % files:
        raise DesignError(
            f"The trainer used {examples} examples ({how}), but its folder holds {files} files, so not every file was "
            "used alike. Train without `--max_train_samples` on exactly this folder; with prior preservation, use as "
            "many class images as the folder has files, or fewer."
        )
    times = examples // files
    return f"The trainer used {examples} examples ({how}): every file {'once' if times == 1 else f'{times} times'}."


def _told_options(log: str | None, options: dict[str, str]) -> str:
    if log is None or not options:
        where = "stated" if log is None else "in the trainer's log"
        return f"Flips, crops and dropped captions are not {where}; they leave no trace in the folder."
    told = ", ".join(f"{name} = {value}" for name, value in options.items())
    return f"Options in the trainer's log: {told}; it names no others that say what is learned of a file."
