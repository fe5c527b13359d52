"""What is there to audit: the target, and images with their captions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from datamodules.sources import CsvSource, FolderSource
from lit_mia.errors import CommandError, RecordError
from lit_mia.models import PipelineFiles
from lit_mia.records import MEMBER, NON_MEMBER, Records

_READS_TEXT = ("tokenizer", "text_encoder")


def look_at_target(target: str) -> bool:
    """Say what the target is; whether it draws images of captions, as far as its files tell.

    Args:
        target: A folder, or a hub id.

    Raises:
        CommandError: If it is of a kind that another config is for.
        TargetError: If it is no pipeline.
    """
    if "://" in target:
        raise CommandError(f"{target} is an address. For an API begin with `lit-mia configs audit/openmoji_http`.")
    place = Path(target).expanduser()
    if place.suffix == ".safetensors" or (not (place / "model_index.json").exists() and [*place.glob("*.safetensors")]):
        raise CommandError(
            f"{target} holds weights without a pipeline. For LoRA weights begin with `lit-mia configs audit/own_lora`; "
            "for a single file see `lit-mia configs target/single_file`."
        )
    files = PipelineFiles(target, None)
    if files.folder is None:
        print(f"Target: {target}, of the hub; it was not looked at.")
        return True
    print(f"Target: {target}, a {files.class_name}.")
    return any(part.startswith(_READS_TEXT) for part in files.index)


def tables_of(images: str | None, non_members: str | None, csv: str | None) -> list[Records]:
    """The records of two folders, or of a CSV, with captions where there are some.

    Args:
        images: Folder of members.
        non_members: Folder of non-members.
        csv: A CSV in place of both.

    Raises:
        RecordError: If they cannot be read.
    """
    if csv is not None:
        return [_of_csv(csv)]
    return [_of_folder(str(folder), label) for folder, label in ((images, MEMBER), (non_members, NON_MEMBER))]


def _of_csv(path: str) -> Records:
    try:
        return CsvSource(path).load()
    except RecordError as error:
        if "'caption'" not in str(error):
            raise
        return CsvSource(path, caption_column=None).load()


def _of_folder(path: str, label: int) -> Records:
    member: Literal[1, 0] = 1 if label == MEMBER else 0
    has_captions = next(Path(path).expanduser().rglob("*.txt"), None) is not None
    return FolderSource(path, caption_ending="txt" if has_captions else None, member=member).load()


def say_images(tables: Sequence[Records], captioned: bool) -> None:
    """Say what the records are.

    Args:
        tables: The records of each source.
        captioned: Whether each has a caption.
    """
    members = [member for table in tables for member in table.members]
    counts = f"{members.count(MEMBER)} members, {members.count(NON_MEMBER)} non-members"
    captions = "each with a caption" if captioned else "not all with captions, so none are used"
    print(f"Images: {counts}, {captions}.")
