"""Records from a folder of images with their captions in text files."""

from pathlib import Path
from typing import Literal, final

from datamodules.sources.base import RecordSource
from datamodules.sources.captions import CaptionChoice, decoded
from datamodules.sources.decoding import open_rgb
from datamodules.sources.places import file_stamp, image_files, with_home
from datamodules.sources.rows import Columns, Rows
from lit_mia.errors import RecordError
from lit_mia.records import UNKNOWN, Records


@final
class FolderSource(RecordSource):
    """Images in a folder and its subfolders, with the caption of `cat/1.png` in `cat/1.txt`.

    So have it scripts that fine-tune, such as kohya's. Each line of such a file is a caption. An image without the file
    has no caption.

    Args:
        path: The folder.
        caption_ending: Ending of the files of captions, e.g. `txt` or `caption`; null if there are none.
        member: Label of all images: 1 or 0. Null makes every record unknown.
        caption_choice: Which line of several is used: `first`; `random`, by a hash of the id; or `all`, each in a
            record of its own, called `id#1`, `id#2` and so on, in one group.

    Raises:
        RecordError: If `caption_ending` is none.
    """

    def __init__(
        self,
        path: str,
        caption_ending: str | None = "txt",
        member: Literal[1, 0] | None = None,
        caption_choice: CaptionChoice = "first",
    ) -> None:
        self.path, self.member, self.caption_choice = path, member, caption_choice
        self.caption_ending = None if caption_ending is None else f".{caption_ending.lstrip('.')}"
        if self.caption_ending == "." or "/" in str(self.caption_ending):
            raise RecordError(f"`caption_ending` must be an ending such as txt, or null, but is {caption_ending!r}.")

    @property
    def origin(self) -> str:
        """The folder."""
        return self.path

    def load(self) -> Records:
        """List the images and read their captions; an id is the path of an image in the folder.

        Raises:
            RecordError: If there is no image or, of the ending, no file of captions; or a file of captions or the name
                of an image is not UTF-8.
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
            members=(UNKNOWN if self.member is None else self.member,) * len(files),
            groups=(None,) * len(files),
            stamps=list(map(file_stamp, files)),
            open_image=lambda row: open_rgb(files[row]),
            where=lambda row: f"the caption of {files[row]}",
            encoded=files.__getitem__,
        )
        return rows.records(self.caption_choice)

    def _captions(self, image: Path) -> list[str]:
        file = image.with_suffix(self.caption_ending) if self.caption_ending is not None else None
        if file is None or not file.is_file():
            return []
        return [line.strip() for line in decoded(file.read_bytes(), str(file)).splitlines() if line.strip()]
