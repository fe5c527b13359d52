"""What a training reads of a design: every file that lies in its folders."""

import pytest
from written_design import canaries, controls, record, write_design

from datamodules.sources import DesignTrainingSource
from lit_mia.errors import DesignError
from lit_mia.records import MEMBER, NON_MEMBER


@pytest.fixture
def written(tmp_path):
    return write_design(tmp_path, [*map(record, range(4)), *canaries(4, 2, 3), *controls(6, 1)])


def test_every_file_is_a_record_and_copies_are_one_group(written, tmp_path):
    records = DesignTrainingSource(str(tmp_path)).load()
    sides = {True: MEMBER, False: NON_MEMBER}
    expected = {file.path: (sides[e.included], e.caption) for e in written.entries for file in e.files}
    rows = zip(records.ids, zip(records.members, records.captions, strict=True), strict=True)
    assert dict(rows) == expected
    assert records.members.count(MEMBER) == 2 + 3
    (canary,) = (entry for entry in written.entries if entry.kind == "token" and entry.included)
    places = [records.ids.index(file.path) for file in canary.files]
    assert len({records.groups[place] for place in places}) == 1
    assert len(set(records.groups)) == len(written.entries)
    assert records.open_image(places[2]).size == (8, 8)


def test_the_secret_is_not_read(written, tmp_path):
    (tmp_path / "secret/coin.json").unlink()
    assert len(DesignTrainingSource(str(tmp_path)).load()) == 2 + 3 + 2 + 1 + 1


def test_a_folder_of_images_only_has_no_captions(tmp_path):
    write_design(tmp_path, map(record, range(4)), layout="dreambooth")
    assert set(DesignTrainingSource(str(tmp_path)).load().captions) == {None}


def test_a_folder_that_is_none_of_a_design_is_refused(tmp_path):
    with pytest.raises(DesignError, match=r"There is no image in .*train\. Give the folder of `lit-mia design`"):
        DesignTrainingSource(str(tmp_path)).load()
