"""Which design an audit has, and what its report says of it."""

import re
from dataclasses import replace

import pytest
from memory_source import MemorySource
from optimal_denoiser import OptimalTarget, smooth_images
from PIL import Image
from written_design import canaries, controls, record, write_design

from datamodules import DesignSource, OpenMojiSource, StatisticDataModule
from datamodules.sources.base import UNCHECKED, StatedDesign
from lit_mia.attacks import ResidualHead
from lit_mia.attacks.budgets import Budget
from lit_mia.attacks.statistics import Loss
from lit_mia.audits.agreement import agreed_design
from lit_mia.audits.base import Run
from lit_mia.audits.membership import MembershipAudit
from lit_mia.errors import DesignError, RecordError
from lit_mia.targets.base import DenoiseTarget

BUDGET = Budget(seeds=1, max_epochs=1, accelerator="cpu")
SIDE = 8


class Watched(OptimalTarget):
    """A target that must not be asked."""

    def predict_noise(self, *_):
        raise AssertionError("asked")


@pytest.fixture
def plain():
    return MemorySource(smooth_images(8, 0), [1, 0] * 4)


def pictures(images):
    return [Image.fromarray(image) for image in images.permute(0, 2, 3, 1).contiguous().numpy()]


def audit_of(source, target: DenoiseTarget, store, **options):
    data = StatisticDataModule(source, target, str(store), SIDE, fractions=[0.2, 0.1, 0.2, 0.5])
    return MembershipAudit(data, [Loss(t=100)], budget=BUDGET, head=ResidualHead(width=4), **options)


# ---------------------------------------------------------------------- what source and user say


def test_without_a_word_it_is_post_hoc(plain):
    assert agreed_design(plain, None, None) == StatedDesign("post_hoc")
    assert agreed_design(plain, "same_source_holdout", None).kind == "same_source_holdout"


@pytest.mark.parametrize("design", ["randomized_split", "canary"])
@pytest.mark.parametrize("statement", [None, "", "  "])
def test_a_coin_that_nobody_vouches_for_is_refused(plain, tmp_path, design, statement):
    with pytest.raises(
        RecordError, match=rf"`design: {design}` says that a coin .* MemorySource cannot .*DesignSource"
    ):
        audit_of(plain, Watched(smooth_images(4, 0)), tmp_path, design=design, design_statement=statement)


def test_a_source_that_vouches_decides():
    emoji = OpenMojiSource()
    assert agreed_design(emoji, None, None) == agreed_design(emoji, "randomized_split", None) == emoji.design
    assert emoji.design.kind == "randomized_split"
    assert "public seed 20221003" in emoji.design.sentences[0]
    assert agreed_design(emoji, "post_hoc", None).kind == "post_hoc"  # claims less
    for other in ("canary", "same_source_holdout"):
        with pytest.raises(
            RecordError, match=rf"`design` is `{other}`, but by OpenMojiSource it is `randomized_split`"
        ):
            agreed_design(emoji, other, "a statement")


@pytest.mark.parametrize("kind", ["randomized_split", "canary", "same_source_holdout", "post_hoc"])
@pytest.mark.parametrize("verified", [True, False])
def test_a_coin_that_was_not_checked_is_told(kind, verified):
    told = StatedDesign(kind, ("A coin.",), verified).told
    assert told == ["A coin.", *([UNCHECKED] if kind in ("randomized_split", "canary") and not verified else [])]


def test_the_coin_of_the_demo_is_stated_by_this_package():
    design = OpenMojiSource().design
    assert not design.verified
    assert design.told == [*design.sentences, UNCHECKED]


def test_copies_of_canaries_are_told_whatever_is_claimed(tmp_path):
    write_design(tmp_path / "design", [*canaries(0, 6, copies=4), *controls(6, 4)])
    source = DesignSource(str(tmp_path / "design"), part="canaries")
    agreed = agreed_design(source, "post_hoc", None)
    assert agreed == replace(source.design, kind="post_hoc")
    assert set(agreed.copies.values()) == {0, 4}
    assert "Copies void a one-record ε" in agreed.sentences[-1]


def test_a_mismatch_is_told_before_anything_is_asked(tmp_path):
    write_design(tmp_path / "design", [record(number) for number in range(8)])
    next((tmp_path / "design/train").glob("*.png")).unlink()
    with pytest.raises(DesignError, match="1 dropped"):
        audit_of(DesignSource(str(tmp_path / "design")), Watched(smooth_images(4, 0)), tmp_path / "store")
    assert not (tmp_path / "store").exists()


# ---------------------------------------------------------------------- what the report says


@pytest.mark.slow
def test_a_design_is_audited_as_a_randomized_split(tmp_path):
    images = smooth_images(120, 0)
    write_design(tmp_path / "design", [record(number) for number in range(120)], images=pictures(images))
    source = DesignSource(str(tmp_path / "design"), examples=60)
    audit = audit_of(source, OptimalTarget(images[::2]), tmp_path / "store")
    result = audit.run(Run("design", {}, tmp_path / "out"))
    assert (result.report.design, result.report.verdict["kind"]) == ("randomized_split", "leakage beyond controls")
    assert result.report.design_notes == [*source.design.sentences, UNCHECKED]  # no commitment was given
    page = result.page()
    assert "holds the 60 files that the coins let in" in page
    assert "used 60 examples (stated): every file once" in page
    assert "Canaries by number of copies" not in page
    assert result.report.tiers == []
    assert "Lower bound on ε: none. The coin is stated, not checked." in page


@pytest.mark.slow
def test_a_stated_coin_is_quoted(plain, tmp_path):
    images = smooth_images(120, 0)
    audit = audit_of(
        MemorySource(images, [1, 0] * 60),
        OptimalTarget(images[::2]),
        tmp_path / "store",
        design="randomized_split",
        design_statement=" A. Smith tossed a coin on 1 May. ",
    )
    report = audit.run(Run("stated", {}, tmp_path / "out")).report
    assert report.verdict["kind"] == "leakage beyond controls"
    quoted, unchecked = report.design_notes
    assert quoted == "Stated by the auditor: “A. Smith tossed a coin on 1 May.”"
    assert unchecked.startswith("Coin stated, not checked")


@pytest.mark.slow
def test_tiers_are_told_apart(tmp_path):
    """The target has memorised what was inserted four times, and nothing else."""
    images = smooth_images(240, 0)
    drawn = [*canaries(0, 100, copies=1), *canaries(100, 100, copies=4), *controls(200, 40)]
    manifest = write_design(tmp_path / "design", drawn, images=pictures(images))
    source = DesignSource(str(tmp_path / "design"), manifest.commitment, part="canaries")
    audit = audit_of(source, OptimalTarget(images[100:200:2]), tmp_path / "store")
    result = audit.run(Run("tiers", {}, tmp_path / "out"))
    once, often = result.report.tiers
    assert (result.report.design, once["attack"], once["copies"], often["copies"]) == ("canary", "Loss", 1, 4)
    assert often["auc"] > 0.95 > once["auc_ci"][1]
    assert once["auc_ci"][0] < 0.5 < once["auc_ci"][1]
    assert once["n_members"] + often["n_members"] == result.report.rows[0]["n_members"]
    assert once["n_nonmembers"] == often["n_nonmembers"] == result.report.rows[0]["n_nonmembers"]
    assert once["p"] > 0.05 > often["p"]
    bound_once, bound_often = result.report.dp_bound["tiers"]
    assert (bound_once["copies"], bound_often["copies"], bound_often["records"]) == (1, 4, 1)
    assert bound_once["epsilon"] == 0.0 < bound_often["epsilon"] <= bound_often["ceiling"]
    page = result.page()
    assert "Canaries by number of copies" in page
    assert "Copies void a one-record ε" in page
    assert re.search(r"\*\*Loss, 4 copies\*\* \| \d+ \| \d+ \| [01]\.\d+ \[", result.markdown())
