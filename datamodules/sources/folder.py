"""Records from a folder of images with their captions in text files."""

from contextlib import suppress
from pathlib import Path
from typing import Literal, final

from datamodules.sources.base import RecordSource
from datamodules.sources.captions import CaptionChoice, check_both_sides, decoded
from datamodules.sources.decoding import open_rgb
from datamodules.sources.labels import parse_member
from datamodules.sources.places import file_stamp, image_files, with_home
from datamodules.sources.rows import Columns, Rows
from lit_mia.errors import RecordError
from lit_mia.records import UNKNOWN, Records

FolderLabel = Literal[1, 0, "folder"]
"""One label of all images, or that of the folder in which each is."""


@final
class FolderSource(RecordSource):
    """Images in a folder and its subfolders, with the caption of `cat/1.png` in `cat/1.txt`.

    So have it scripts that fine-tune, such as kohya's. Each line of such a file is a caption. An image without the file
    has no caption.

    Args:
        path: The folder.
        caption_ending: Ending of the files of captions, e.g. `txt` or `caption`; null if there are none.
        member: Label of all images: 1 or 0; or `folder`: each has that of the first folder below `path` in which it is,
            which is called `member` or `nonmember`, or in another way in which tables write labels. Null makes every
            record unknown.
        caption_choice: Which line of several is used: `first`; `random`, by a hash of the id; or `all`, each in a
            record of its own, called `id#1`, `id#2` and so on, in one group.

    Raises:
        RecordError: If `caption_ending` is none, or `member` is no label.
    """

    def __init__(
        self,
        path: str,
        caption_ending: str | None = "txt",
        member: FolderLabel | None = None,
        caption_choice: CaptionChoice = "first",
    ) -> None:
        self.path, self.member, self.caption_choice = path, member, caption_choice
        self.caption_ending = None if caption_ending is None else f".{caption_ending.lstrip('.')}"
        if self.caption_ending == "." or "/" in str(self.caption_ending):
            raise RecordError(f"`caption_ending` must be an ending such as txt, or null, but is {caption_ending!r}.")
        if member not in (1, 0, "folder", None):
            raise RecordError(f"`member` must be 1, 0, `folder` or null, but is {member!r}.")

    @property
    def origin(self) -> str:
        """The folder."""
        return self.path

    def load(self) -> Records:
        """List the images and read their captions; an id is the path of an image in the folder.

        Raises:
            RecordError: If there is no image or, of the ending, no file of captions; a file of captions or the name of
                an image is not UTF-8; or, where folders are labels, an image is in none of them, or the images of one
                label alone have captions.
        """
        folder = with_home(self.path)
        files = image_files(folder)
        if not files:
            raise RecordError(f"There is no folder {self.path!r}, or no image in it. Give a folder of images.")
        captions = [self._captions(file) for file in files]
        if self.caption_ending is not None and not any(captions):
            raise RecordError(
                f"No image in {self.path} has a caption in a file beside it such as "
                f"{files[0].with_suffix(self.caption_ending).name}. Give their `caption_ending`, or null."
            )
        ids = [file.relative_to(folder).as_posix() for file in files]
        rows = Rows(
            columns=Columns(image="image", caption="caption", member=None, id=None, group=None),
            ids=ids,
            captions=captions,
            members=[self._label(name) for name in ids],
            groups=(None,) * len(files),
            stamps=list(map(file_stamp, files)),
            open_image=lambda row: open_rgb(files[row]),
            where=lambda row: f"the caption of {files[row]}",
            encoded=files.__getitem__,
        )
        records = rows.records(self.caption_choice)
        check_both_sides(records, self.path, "Give captions of both or of neither: `caption_ending: null`.")
        return records

    def _label(self, name: str) -> int:
        if self.member == "folder":
            return _folder_label(name, self.path)
        return UNKNOWN if self.member is None else self.member

    def _captions(self, image: Path) -> list[str]:
        file = image.with_suffix(self.caption_ending) if self.caption_ending is not None else None
        if file is None or not file.is_file():
            return []
        return [line.strip() for line in decoded(file.read_bytes(), str(file)).splitlines() if line.strip()]


def _folder_label(name: str, path: str) -> int:
    """The label that the first folder of an image tells."""
    first, _, rest = name.partition("/")
    if rest:
        with suppress(RecordError):
            return parse_member(first, name)
    raise RecordError(
        f"The folders below {path} are labels, but {name} is in none that is called member or nonmember. Move it into "
        "one of them, or leave it out."
    )
