"""Extraction audits: a planted copier, none at all, controls that fail, and what is refused before it is paid."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from copier import BlockEncoder, Copier
from memory_source import MemorySource
from rich.console import Console

from datamodules import AuxiliaryDataModule
from datamodules.sources.base import StatedDesign
from lit_mia.attacks.copying import AdaptiveRatio, EncoderCosine, TiledDistance
from lit_mia.audits import kinds  # noqa: F401 (adds them)
from lit_mia.audits.base import Run, load_result
from lit_mia.audits.extraction import ExtractionAudit, Untargeted
from lit_mia.errors import HeadError, RecordError, TargetError
from lit_mia.records import id_hash
from lit_mia.report.extraction import ExtractionResult

N, SIDE = 60, 16
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (N, 3, 4, 4), dtype=np.uint8))
IMAGES = IMAGES.repeat_interleave(4, 2).repeat_interleave(4, 3)
CAPTIONS = [f"drawing {row}" for row in range(N)]
MEMBERS = (1, 0) * (N // 2)
BASE = Copier({}, SIDE)


def learned(rows):
    return {CAPTIONS[row]: IMAGES[row] for row in rows}


def audit(folder, target, measures=None, members=MEMBERS, source=None, near_duplicates=None, **options):
    folder.mkdir(exist_ok=True)
    source, alike = source or MemorySource(IMAGES, members, CAPTIONS), {"near_duplicates": near_duplicates}
    data = AuxiliaryDataModule(source, target, str(folder / "store"), image_size=SIDE, images_per_record=2, **alike)
    stated = {"design": "randomized_split", "design_statement": "a coin in this test"}
    return ExtractionAudit(data, measures or [TiledDistance()], **stated | options)


def run(made, folder=Path("nowhere")) -> ExtractionResult:
    return made.run(Run("extraction", {}, folder))


def printed(result):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(result.terminal())
    return " ".join(capture.get().split())


def test_what_was_learned_by_heart_is_counted_and_what_was_held_out_is_not(tmp_path):
    known = range(0, 24, 2)
    result = run(audit(tmp_path, Copier(learned(known), SIDE), base=BASE))
    row = {row.name: row for row in result.rows}
    assert (row["target"].members.k, row["target"].members.n, row["target"].nonmembers.k) == (12, 30, 0)
    assert row["target less base"].top_run == 12 <= row["target"].top_run
    assert row["target less base"].members.k == 12
    assert row["base"].members.k == row["base"].nonmembers.k == 0
    assert row["target"].own_nearest[0] >= 12 / 30 > row["target"].own_nearest[1]
    assert result.kind == "training images reproduced"
    assert result.verdict["sentence"].startswith("12 of 30 training images (40\xa0%, 95 % CI [22.7, 59.4]\xa0%) were")
    assert (
        "held-out control 0 of 30 (at most 12\xa0%, 95 % CI); base model 0 of 30 training images"
        in (result.verdict["sentence"])
    )
    reproduced = {line.id_hash for line in result.lines if line.row == "target" and line.reproduced}
    assert reproduced == {id_hash(f"r{number:03d}") for number in known}


def test_the_rate_of_a_copier_by_chance_is_that_of_its_best_image(tmp_path):
    result = run(audit(tmp_path, Copier(learned(range(0, N, 2)), SIDE, share=0.4)))
    found = result.first.members
    assert found.lo < 1 - 0.6**2 < found.hi
    assert result.first.nonmembers.k == 0


def test_a_base_that_knows_the_same_leaves_nothing_and_contradicts_the_coin(tmp_path):
    both = Copier(learned(range(0, 24, 2)), SIDE, share=0.999)
    result = run(audit(tmp_path, Copier(learned(range(0, 24, 2)), SIDE), base=both))
    assert {row.name: row.members.k for row in result.rows}["target less base"] == 0
    assert result.kind == "design violated"
    held_out = run(audit(tmp_path / "other", Copier(learned(range(0, 24, 2)), SIDE), base=both, **HOLDOUT))
    assert held_out.kind == "confounded"


HOLDOUT = {"design": "same_source_holdout", "design_statement": None}


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (HOLDOUT, "suggestive (no coin)"),
        ({"design": "post_hoc", "design_statement": None}, "not evidence (post hoc design)"),
    ],
)
def test_without_a_coin_an_excess_is_no_evidence(tmp_path, options, kind):
    assert run(audit(tmp_path, Copier(learned(range(0, 24, 2)), SIDE), **options)).kind == kind


def test_what_both_halves_share_is_not_found(tmp_path):
    """A model that learned halves that the coin did not decide about."""
    result = run(audit(tmp_path, Copier(learned(range(16)), SIDE)))
    assert (result.first.members.k, result.first.nonmembers.k) == (8, 8)
    assert result.kind == "not detected under this protocol"
    assert result.fewest_found == 6  # of 30 beside 30, by two tests


def test_copies_of_another_record_do_not_count(tmp_path):
    """Drawn for one caption is the image of another record, which is as near to its own image as tiles allow."""
    near = IMAGES.clone()
    near[0::2] = (near[1::2].int() + 20).clamp(0, 255).to(torch.uint8)
    target = Copier({CAPTIONS[row]: near[row + 1] for row in range(0, N, 2)}, SIDE)
    result = run(audit(tmp_path, target, source=MemorySource(near, MEMBERS, CAPTIONS)))
    closest = [line for line in result.lines if line.member]
    assert all(line.value < 0.15 for line in closest)
    assert not any(line.own_nearest or line.reproduced for line in closest)


def test_untargeted_images_are_found_by_any_and_by_cliques(tmp_path):
    target = Copier({}, SIDE, empty=tuple(IMAGES[row] for row in range(0, 24, 2)))
    result = run(audit(tmp_path, target, base=BASE, untargeted=Untargeted(images=240, clique=4)))
    found = {(row.name, row.how): row for row in result.untargeted}
    any_image, cliques = found["target", "any image"], found["target", "cliques of 4 or more"]
    assert any_image.members.k == 12
    assert any_image.nonmembers.k == 0
    assert cliques.cliques == cliques.members.k == 12
    assert result.kind == "training images reproduced"
    assert "target from other prompts, any image: p" in result.verdict["sentence"]
    assert found["base", "any image"].members.k == found["base", "cliques of 4 or more"].cliques == 0
    assert "From other prompts" in result.page()


def test_copies_of_canaries_are_counted_by_tier_and_as_eidetic(tmp_path):
    class Canaries(MemorySource):
        @property
        def design(self):
            copies = {f"r{row:03d}": 1 if row < 40 else 4 for row in range(N)}
            return StatedDesign("canary", ("Canaries.",), copies=copies)

    source = Canaries(IMAGES, MEMBERS, CAPTIONS)
    target = Copier(learned(range(30, N, 2)), SIDE)
    result = run(audit(tmp_path, target, source=source, design=None, design_statement=None))
    assert [(tier.copies, tier.members.k, tier.members.n) for tier in result.tiers] == [(1, 5, 20), (4, 10, 10)]
    assert {of.seen: of.images for of in result.eidetic} == {1: 5, 4: 10}


def test_the_result_is_read_back_and_written_the_same(tmp_path):
    measures = [TiledDistance(thresholds=(0.15, 0.3)), AdaptiveRatio(neighbours=20)]
    made = audit(tmp_path, Copier(learned(range(0, 24, 2)), SIDE), measures, base=BASE, untargeted=Untargeted(20))
    result = run(made)
    result.save(tmp_path / "run")
    again = load_result(tmp_path / "run")
    assert again.text() == result.text()
    assert again.page() == result.page()
    assert [row.measure for row in result.rows[::3]] == ["tiled ℓ2 ≤ 0.15", "tiled ℓ2 ≤ 0.3", "adaptive ratio ≤ 1"]
    assert "training images reproduced" in printed(result).lower()
    assert "12 of 30" in result.markdown()
    assert list(ExtractionResult.faults(tmp_path / "run", json.loads(result.text()))) == []
    assert list(ExtractionResult.faults(tmp_path / "run", json.loads(result.text().replace('"k": 12', '"k": 11'))))
    assert "<img" not in result.page()
    pictures = made.pictures(result)
    assert len(pictures) == 12
    assert all(len(picture.images) == 3 for picture in pictures)
    np.testing.assert_array_equal(pictures[0].images[0], pictures[0].images[1])
    assert "<img" in result.page(pictures)


def test_an_encoder_finds_what_pixels_find(tmp_path):
    measures = [EncoderCosine(BlockEncoder(), (0.9, 0.99)), TiledDistance()]
    result = run(audit(tmp_path, Copier(learned(range(0, 24, 2)), SIDE), measures, base=BASE, untargeted=Untargeted(9)))
    of_target = {row.measure: (row.members.k, row.nonmembers.k) for row in result.rows if row.name == "target"}
    assert of_target == dict.fromkeys(("cosine ≥ 0.9", "cosine ≥ 0.99", "tiled ℓ2 ≤ 0.15"), (12, 0))
    assert {row.measure for row in result.untargeted} == {"cosine ≥ 0.9"}
    assert result.first.auc == pytest.approx(0.7, abs=0.1)  # 12 of 30, and a coin for the others


def test_costs_are_counted_by_model_and_nothing_is_asked_twice(tmp_path):
    first = run(audit(tmp_path, Copier(learned([0]), SIDE), base=BASE, untargeted=Untargeted(30)))
    assert {name: of["queries"] for name, of in first.cost["by_target"].items()} == {"target": 150, "base": 150}
    assert first.cost["money"] == 150
    assert first.cost["nfe"] == 600
    again = run(audit(tmp_path, Copier(learned([0]), SIDE), base=BASE, untargeted=Untargeted(30)))
    assert again.cost["queries"] == 0
    assert again.rows == first.rows


def test_estimates_count_every_image_and_ask_nothing(tmp_path):
    target = Copier(learned([0]), SIDE)
    made = audit(tmp_path, target, base=BASE, untargeted=Untargeted(30))
    assert {name: of.missing for name, of in made.estimate().items()} == {"target": 150, "base": 150}
    assert target.asked == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda f: audit(f, BASE, measures=[TiledDistance(), TiledDistance(2)]), "each once"),
        (lambda f: audit(f, BASE, measures=[AdaptiveRatio()], untargeted=Untargeted()), "Add another measure"),
        (lambda f: audit(f, BASE, base=Copier({}, SIDE)), "holds the weights"),
        (lambda f: audit(f, BASE, measures=[TiledDistance(5)]).estimate(), "cannot be cut into 5 x 5"),
        (lambda f: audit(f, BASE, measures=[AdaptiveRatio(61)]).estimate(), "there are 60"),
        (lambda f: audit(f, BASE, members=(1,) * N).estimate(), "30|60 members and 0 non-members"),
        (lambda f: audit(f, BASE, members=(1,) * (N - 1) + (0,)).estimate(), "at least 2 groups"),
        (lambda f: audit(f, BASE, measures=[TiledDistance(thresholds=(0.1, 0.1))]), "given once"),
        (lambda f: TiledDistance(thresholds=(0.1234567, 0.1234568)), "six digits"),
        (lambda f: audit(f, BASE, measures=[TiledDistance(thresholds=(1.5,))]), r"in \(0, 1\]"),
        (lambda f: audit(f, BASE, untargeted=Untargeted(prompts=())), "one or more"),
        (lambda f: Untargeted(images=1, prompts=("", "a drawing")), "only the first 1"),
        (
            lambda f: audit(f, BASE, untargeted=Untargeted(prompts=("", CAPTIONS[3]))).estimate(),
            "3 is a caption",
        ),
        (lambda f: audit(f, BASE, design_statement=None), "cannot vouch"),
    ],
)
def test_mistakes_are_refused_before_anything_is_asked(tmp_path, make, told):
    BASE.asked.clear()
    with pytest.raises((HeadError, RecordError, TargetError), match=told):
        make(tmp_path)
    assert BASE.asked == []


def test_shuffled_labels_find_nothing(tmp_path):
    """Of twenty coins that decided nothing the share of findings is at most that of chance."""
    target = Copier(learned(range(0, 30)), SIDE, share=0.7)
    found, rng = [], np.random.default_rng(1)
    for _ in range(20):
        members = tuple(rng.permutation(MEMBERS).tolist())
        found.append(run(audit(tmp_path, target, members=members)).kind != "not detected under this protocol")
    assert sum(found) <= 3


def test_a_file_in_both_halves_counts_in_both_wherever_it_stands_in_the_table(tmp_path):
    """Members first, each with an equal image among those held out, in a group of its own."""
    twice = torch.cat([IMAGES[: N // 2], IMAGES[: N // 2]])
    target = Copier(dict(zip(CAPTIONS, twice, strict=True)), SIDE, empty=tuple(twice[:3]))
    source = MemorySource(twice, (1,) * (N // 2) + (0,) * (N // 2), CAPTIONS)
    result = run(audit(tmp_path, target, source=source, near_duplicates="report", untargeted=Untargeted(30)))
    assert (result.first.members.k, result.first.nonmembers.k) == (N // 2, N // 2)
    assert [(row.members.k, row.nonmembers.k) for row in result.untargeted[:1]] == [(3, 3)]


def test_groups_of_both_halves_are_counted_as_the_tests_count_them(tmp_path):
    """A near-duplicate of each member is held out: no coin was tossed for the pair, and each is a unit."""
    twice = torch.cat([IMAGES[: N // 2], IMAGES[: N // 2]])
    source = MemorySource(twice, (1,) * (N // 2) + (0, 0) * (N // 4), CAPTIONS)
    result = run(audit(tmp_path, Copier({}, SIDE), source=source, near_duplicates="group"))
    assert result.groups == {"member": N // 2, "non_member": N // 2}


class Refusing(Copier):
    """Refuses some prompts."""

    def __init__(self, refuses, learned):
        super().__init__(learned, SIDE)
        self.refuses = refuses

    def fingerprint(self):
        return {**super().fingerprint(), "weights": f"refusing {len(self.learned)}"}

    def stream(self, prompts, seeds):
        for part in super().stream(prompts, seeds):
            bad = {row for row in part.rows if self.refuses(prompts[row])}
            kept = [place for place, row in enumerate(part.rows) if row not in bad]
            rows = [part.rows[place] for place in kept]
            yield replace(part, rows=rows, images=part.images[kept], refused=dict.fromkeys(bad, "filter"))


def test_a_refused_record_leaves_both_models(tmp_path):
    target = Refusing(lambda prompt: prompt == CAPTIONS[0], learned([2]))
    result = run(audit(tmp_path, target, base=BASE))
    assert result.first.members.n == 29
    assert result.refused["target"]["refused"] == {"member": 1, "non_member": 0}
    assert "refused 1 of 30" in result.page()
    later = audit(tmp_path, target, base=BASE)
    assert len(later.pictures(result)) == 1  # as of `lit-mia report --gallery`, which asks nothing


@pytest.mark.parametrize("rest", [[], [1, 3, 5]])
def test_a_base_that_leaves_no_half_is_told_and_what_was_paid_is_kept(tmp_path, rest):
    base = Refusing(lambda prompt: prompt not in [CAPTIONS[row] for row in rest], {})
    target = Copier(learned([0]), SIDE)
    for _ in range(2):
        with pytest.raises(TargetError, match=f"leaves 0 members and {len(rest)} non-members"):
            run(audit(tmp_path, target, base=base))
    assert len(target.asked) == 2 * N


def test_refused_images_of_other_prompts_are_told(tmp_path):
    silent = Refusing(lambda prompt: not prompt, learned([0]))
    result = run(audit(tmp_path, silent, base=BASE, untargeted=Untargeted(20)))
    assert {row.name for row in result.untargeted} == {"base"}
    assert "The target refused 20 of 20 images of other prompts." in result.limits
