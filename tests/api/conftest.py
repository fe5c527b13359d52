import pytest
from small_records import LABELS, write_records


@pytest.fixture
def two_folders(tmp_path):
    """Images that a model was trained on, and others, with captions beside them."""
    source = write_records(tmp_path / "all", LABELS * 3)
    records = source.load()
    for row, name in enumerate(records.ids):
        folder = tmp_path / "photos" / ("member" if records.members[row] else "nonmember")
        folder.mkdir(parents=True, exist_ok=True)
        records.open_image(row).save(folder / f"{row}.png")
        (folder / f"{row}.txt").write_text(f"picture {name}", encoding="utf-8")
    return tmp_path / "photos" / "member", tmp_path / "photos" / "nonmember"
