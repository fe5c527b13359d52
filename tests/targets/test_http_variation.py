"""Image to image over HTTP, and attacks through it: paid images survive a crash, and a refusal is no score."""

from hashlib import sha256

import numpy as np
import pytest
import torch
from loopback import SIDE, Faults, brighten, running, target
from memory_source import MemorySource

from datamodules import StatisticDataModule
from datamodules.inputs import Wanted
from lit_mia.attacks.statistics import PangWang, ReDiffuseAPI
from lit_mia.audits.membership.accounts import charges_of
from lit_mia.errors import BudgetError, TargetError
from lit_mia.features import OpenClipEncoder
from lit_mia.targets import HttpVariationTarget
from lit_mia.targets.accounts import Accounts, Spending
from lit_mia.targets.base import Charges

N = 16
IMAGES = torch.randint(0, 200, (N, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
CAPTIONS = ["x" * (number % 5 + 1) for number in range(N)]


def varying(server, **options):
    return target(server, kind=HttpVariationTarget, **options)


def noisy(images, captions, seeds):
    """The images with noise that belongs to the seed."""
    noise = [torch.randint(0, 9, (3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return images + torch.stack(noise).to(torch.uint8)


@pytest.fixture
def module(tmp_path):
    def build(http):
        source = MemorySource(IMAGES, [1, 0] * (N // 2), CAPTIONS)
        quarters = (0.25, 0.25, 0.25, 0.25)
        return StatisticDataModule(source, http, str(tmp_path / "store"), image_size=SIDE, fractions=quarters)

    return build


def test_variations_send_the_image_and_edits_also_the_caption():
    with running() as server:
        plain = varying(server).vary(IMAGES, CAPTIONS, [0] * N)
        edited = varying(server, endpoint="edits").vary(IMAGES, CAPTIONS, [0] * N)
        assert [varying(server, endpoint=way).told_captions for way in ("variations", "edits")] == [False, True]
    assert torch.equal(plain, IMAGES)
    assert torch.equal(edited, brighten(IMAGES, CAPTIONS, None))


def test_edits_need_captions():
    with running() as server, pytest.raises(TargetError, match="`endpoint: edits` sends captions"):
        varying(server, endpoint="edits").vary(IMAGES[:2], ["a", None], [0, 0])


def test_images_of_another_size_are_refused_before_they_are_sent():
    with running() as server:
        with pytest.raises(TargetError, match=r"takes uint8 RGB images \[n, 3, 16, 16\]"):
            varying(server).vary(IMAGES[..., :8], CAPTIONS, [0] * N)
        with pytest.raises(TargetError, match="square images, but `size` is 16x8"):
            varying(server, size="16x8")
        assert server.log == []


def test_all_variations_of_an_image_share_requests(module):
    with running(vary=noisy) as server:
        http = varying(server, n=4)
        data = module(http)
        data.ask(Wanted.every_setting([ReDiffuseAPI(n=6)]))
        assert data.estimate().missing == 6 * N
        data.query()
        assert len(server.log) == 2 * N
        assert http.charges() == Charges(confirmed=6 * N)


def test_a_run_that_breaks_off_in_a_batch_pays_for_no_variation_again(module):
    faults = Faults(rate=0.3, kinds=("error", "truncated", "limit"), retry_after="0")
    with running(vary=noisy, faults=faults) as server:
        first = module(varying(server, send_seed=True, spending=Spending(price_per_image=0.1, max_requests=20)))
        first.ask(Wanted.every_setting([ReDiffuseAPI(n=3)]))
        with pytest.raises(BudgetError):
            first.query()
        assert first.estimate().missing == 3 * N  # no finding is complete
        second = module(varying(server, send_seed=True, spending=Spending(price_per_image=0.1)))
        second.ask(Wanted.every_setting([ReDiffuseAPI(n=3)]))
        second.query()
        assert server.summary()["answered"] == second.target.charges().confirmed == 3 * N
        assert second.cost.money == pytest.approx(0.1 * (second.target.charges().images - 20))
        scores = second.statistics(ReDiffuseAPI(n=3), {"n": 3})
        asked = len(server.log)
        assert len(second.answers([0, 1])) == 2  # the gallery shows what was kept
        assert len(server.log) == asked
        subject = second._questions(second.view.labelled).subject(second.target, range(N))
        mean = torch.stack([noisy(IMAGES, None, subject.seeds("vary", i)).double() for i in range(3)]).mean(0)
        expected = -(IMAGES.double() - mean).div(127.5).flatten(1).norm(dim=1)
    np.testing.assert_allclose(scores[:, 0], expected, rtol=1e-5)


def test_a_sweep_counts_its_own_money_and_accounts_keep_the_price_of_the_day(module, tmp_path):
    other = Accounts(tmp_path / "store", Spending(price_per_image=0.5))

    def vary_beside_another(images, captions, seeds):
        other.begin(1)
        return images

    with running(vary=vary_beside_another) as server:
        data = module(varying(server, spending=Spending(price_per_image=0.5)))
        data.ask(Wanted.every_setting([ReDiffuseAPI(n=1)]))
        data.query()
        assert data.cost.money == N / 2
        dearer = module(varying(server, spending=Spending(price_per_image=9.0)))
    dearer.target.keep_accounts(dearer.store_path)
    paid = charges_of({"target": dearer})["target"]
    assert (paid["confirmed"], paid["confirmed_money"]) == (N, N / 2)
    assert paid["uncertain_money"] == paid["uncertain"] / 2 > 0


def check_refusals(data, server, attack, subjects):
    data.ask(Wanted.every_setting([attack]))
    data.query()
    refused = {subject for subject, end in server.log if end == "refused"}
    missing = [subject in refused for subject in subjects]
    assert 0 < sum(missing) < N
    scores = data.statistics(attack, attack.settings()[0], data.view.labelled)
    assert np.isnan(scores[:, 0]).tolist() == missing
    gone = {data.view.labelled.ids[row] for row in range(N) if missing[row]}
    assert data.refusals(data.view.labelled).keys() == gone
    assert set(data.view.known.ids) == set(data.view.labelled.ids) - gone
    assert not np.isnan(data.statistics(attack, attack.settings()[0])).any()


def test_a_record_with_a_refused_variation_has_no_score(module):
    subjects = [sha256(image.numpy().tobytes()).hexdigest() for image in IMAGES]
    with running(vary=noisy, faults=Faults(refused=0.3)) as server:
        http = varying(server)
        check_refusals(module(http), server, ReDiffuseAPI(n=2), subjects)
        asked = len(server.log)
        again = module(http)
        again.ask(Wanted.every_setting([ReDiffuseAPI(n=2)]))
        again.query()
        assert len(server.log) == asked


def test_a_record_with_a_refused_generation_has_no_score(module, tiny_clip_folder):
    attack = PangWang(m=2, encoder=OpenClipEncoder(f"local-dir:{tiny_clip_folder}", device="cpu"))
    with running(faults=Faults(refused=0.4)) as server:
        check_refusals(module(target(server)), server, attack, CAPTIONS)
