"""Records of a notebook whose cells are in no order, or hold what looks like a value and is none."""

import numpy as np
import pandas
import pytest
import torch
from torch.utils.data import Dataset

import lit_mia
from lit_mia.errors import RecordError
from lit_mia.records import MEMBER, UNKNOWN

PICTURES = [np.full((2, 3, 3), grey, np.uint8) for grey in (0, 99, 200)]


@pytest.mark.parametrize("each", [{0: "a", 1: "b", 2: "c"}, {"a", "b", "c"}, {}.keys()])
@pytest.mark.parametrize("name", ["captions", "member"])
def test_what_has_no_order_is_refused(name, each):
    with pytest.raises(RecordError, match=f"`{name}` must be one of each record, in their order, but a "):
        lit_mia.records_from(PICTURES, **{name: each})


def test_a_series_of_other_rows_is_refused():
    frame = pandas.DataFrame({"image": PICTURES}, index=[2, 0, 1])
    labels = pandas.Series([1, 0, None], index=[0, 1, 2])
    with pytest.raises(RecordError, match="`member` has another index than the DataFrame"):
        lit_mia.records_from(frame, member=labels)
    with pytest.raises(RecordError, match="`captions` has another index than the Series"):
        lit_mia.records_from(frame["image"], captions=pandas.Series(list("abc")))
    assert lit_mia.records_from(frame, member=labels.reindex(frame.index)).load().members == (-1, 1, 0)
    assert lit_mia.records_from(frame, member=labels.tolist()).load().members == (1, 0, -1)
    assert lit_mia.records_from(PICTURES, member=labels).load().members == (1, 0, -1)


@pytest.mark.parametrize("one", [np.array(1), torch.tensor(1), torch.tensor(1.0), np.int64(1)])
def test_a_label_without_axes_is_of_all_records(one):
    assert lit_mia.records_from(PICTURES, member=one).load().members == (MEMBER,) * 3


def test_a_column_that_is_there_twice_is_refused():
    frame = pandas.DataFrame([[PICTURES[0], "a", "b"]], columns=["image", "text", "text"])
    with pytest.raises(RecordError, match=r"the DataFrame has more than one column \['text'\]"):
        lit_mia.records_from(frame)
    assert lit_mia.records_from(frame, columns={"caption": None}).load().captions == (None,)


def test_the_mark_of_pandas_is_an_empty_cell():
    empty = dict.fromkeys(("caption", "member", "group"), pandas.NA)
    records = lit_mia.records_from([{"image": PICTURES[0], **empty}, {"image": pandas.NA, **empty}]).load()
    assert (records.captions, records.members) == ((None, None), (UNKNOWN, UNKNOWN))
    assert records.groups == records.ids
    assert lit_mia.records_from([(PICTURES[0], pandas.NA, pandas.NA), pandas.NA]).load().captions == (None, None)
    assert lit_mia.records_from(PICTURES, captions=[pandas.NA, "a", None]).load().captions == (None, "a", None)
    with pytest.raises(RecordError, match="The cell of `id` is empty in row 0 of the list"):
        lit_mia.records_from([{"image": PICTURES[0], "id": pandas.NA}])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([torch.rand(3, 4, 4).to_sparse()], "must hold its pixels one by one, but that of row 0 of the list does not"),
        ([torch.empty(3, 4, 4, device="meta")], "must hold its pixels one by one"),
        (np.array(["1.png", "2.png"]), r"this is a numpy.ndarray of 2\. Of a generator"),
        (torch.rand(3, 4, 4), r"this is a torch.Tensor of 3×4×4\. .* of one image `\[image\]`"),
    ],
)
def test_arrays_that_are_no_images_are_told(data, said):
    with pytest.raises(RecordError, match=said):
        lit_mia.records_from(data)


def test_odd_names_and_lengths_are_told():
    class Broken(Dataset):
        def __len__(self):
            raise RuntimeError("not connected")

    with pytest.raises(RecordError, match=r"names one of 5, None\."):
        lit_mia.records_from(PICTURES, columns={None: "x", 5: "y"})
    with pytest.raises(RecordError, match=r"Broken has no length \(not connected\)"):
        lit_mia.records_from(Broken())


def test_the_folder_of_a_design_is_no_folder_of_images(tmp_path):
    drawn = lit_mia.design([(image, "a") for image in PICTURES], tmp_path / "design", allow_small=True)
    for path in (drawn.folder, str(drawn.folder)):
        with pytest.raises(RecordError, match="is a design, whose coins say who is a member"):
            lit_mia.records_from(path)
