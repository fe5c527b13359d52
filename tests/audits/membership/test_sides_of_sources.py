"""Members of one source and non-members of another are post hoc, whatever the user writes."""

import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images

from datamodules import ConcatSource, CsvSource, FolderSource, HuggingFaceSource, StatisticDataModule
from datamodules.sources.base import RecordSource
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.agreement import check_sides
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import RecordError

IMAGES = smooth_images(60, 0)
HALF = [1, 0] * 15
CLAIMS = ("same_source_holdout", "randomized_split", "canary")


class Split(RecordSource):
    """A part of a data set.

    Args:
        records: The part.
        origin: Name of the data set.
    """

    origin = None

    def __init__(self, records, origin=None):
        self.part, self.origin = records, origin

    def load(self):
        return self.part.load()


def joined(*members, origins=(None, None)):
    """Two sources with these labels."""
    sources = [
        Split(MemorySource(IMAGES[:30], labels), origin) for labels, origin in zip(members, origins, strict=True)
    ]
    return ConcatSource(sources, prefixes=["a", "b"])


def shift_of(source, kind):
    return check_sides(source.load(), kind, source)


@pytest.mark.parametrize("kind", CLAIMS)
@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (([1] * 30, [0] * 30), "source 1 holds members alone; source 2 holds non-members alone"),
        ((HALF, [0] * 30), r"source 2 holds non-members alone\."),  # half of the non-members are of another source
        (([1] * 30, HALF), r"source 1 holds members alone\."),
    ],
)
def test_sides_of_different_sources_are_post_hoc(labels, told, kind):
    with pytest.raises(RecordError, match=rf"allow only `design: post_hoc`, but it is `{kind}`.*{told}"):
        shift_of(joined(*labels), kind)
    assert shift_of(joined(*labels), "post_hoc").startswith("The sides come from different sources")


@pytest.mark.parametrize("kind", [*CLAIMS, "post_hoc"])
@pytest.mark.parametrize(
    "source",
    [
        joined(HALF, HALF),
        joined([-1] * 30, HALF),
        joined([1] * 30, [0] * 30, origins=("cifar10", "cifar10")),
        MemorySource(IMAGES, [1, 0] * 30),
    ],
    ids=["both give both", "one gives unknown ones", "splits of one data set", "one source"],
)
def test_sides_of_one_source_may_be_a_holdout(source, kind):
    assert shift_of(source, kind) is None


def test_a_join_of_joins_remembers_its_sources():
    inner = ConcatSource([joined([1] * 30, [1] * 30), joined(HALF, HALF)], prefixes=["x", "y"])
    assert set(inner.load().origins) == {"source 1", "source 2"}
    records = inner.load()
    assert records.select([0, 40]).origins == (records.origins[0], records.origins[40])
    assert MemorySource(IMAGES, [1, 0] * 30).load().origins == ()


def test_splits_of_a_data_set_have_one_origin_and_named_files_have_their_own():
    train, test = (HuggingFaceSource("uoft-cs/cifar10", split=split) for split in ("train", "test"))
    faces, coco = (HuggingFaceSource("imagefolder", data_dir="data", data_files=f"{name}/**") for name in ("a", "b"))
    assert train.origin == test.origin == "uoft-cs/cifar10"
    assert faces.origin != coco.origin
    assert HuggingFaceSource("c4", "en").origin != HuggingFaceSource("c4", "de").origin
    assert CsvSource("a.csv").origin != CsvSource("b.csv").origin
    assert FolderSource("a").origin != FolderSource("b").origin


@pytest.mark.parametrize("design", ["same_source_holdout", "randomized_split"])
def test_an_audit_is_refused_before_anything_is_asked(tmp_path, design):
    target = OptimalTarget(IMAGES[:30])
    data = StatisticDataModule(joined([1] * 30, [0] * 30), target, str(tmp_path / "store"), image_size=8)
    audit = MembershipAudit(data, [Loss(t=100)], design=design, design_statement="A. Smith tossed a coin.")
    for step in (audit.estimate, audit.query):
        with pytest.raises(RecordError, match="The sides come from different sources"):
            step()
    assert target.nfe == 0
