"""What findings are kept under: whatever changes them, and as in stores that were written before."""

import pytest
import torch
from memory_source import MemorySource
from optimal_denoiser import smooth_images

from lit_mia.attacks.statistics import PIA, CLiD, FreMIA, Loss, ReDiffuse, ReDiffuseAPI, SecMI
from lit_mia.queries.plans import Questions

N = 10


@pytest.fixture
def questions():
    images = smooth_images(N, 0)
    return Questions(MemorySource(images, [1, 0] * (N // 2)).load(), images.numpy(), 0)


def plans(*attacks):
    return [attack.plan(setting) for attack in attacks for setting in attack.settings()]


def test_a_key_is_what_changes_a_finding(questions):
    images = questions.images.copy()
    images[0, 0, 0, 0] ^= 1
    changed = Questions(questions.records, images, 0).keys
    assert [a == b for a, b in zip(changed, questions.keys, strict=True)] == [False] + [True] * (N - 1)
    assert not set(Questions(questions.records, questions.images, 1).keys) & set(questions.keys)
    keys = [plan.key for plan in plans(PIA(), PIA(t=[200, 300]), PIA(p=3.0), PIA(no_root=True), SecMI(), SecMI(k=5))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(keys) - 1


def test_what_only_combines_is_not_asked_for_again():
    keys = {plan.key for plan in plans(CLiD(alpha=[0.1, 0.5, 0.9]))}
    assert len(keys) == 1
    assert keys != {plan.key for plan in plans(CLiD(timesteps=[100], reduced_draws=1))}


def test_a_new_revision_of_a_formula_is_asked_again():
    old, new = Loss(), Loss()
    new.revision = 2
    assert plans(old)[0].key != plans(new)[0].key
    assert plans(FreMIA(old))[0].key != plans(FreMIA(new))[0].key


@pytest.mark.parametrize(
    ("attack", "key"),
    [
        (PIA(), "8025c709c88205d0d44e998702050b1debc624b623b9b8299635e95d800ec429"),
        (ReDiffuse(), "ea195cb6b6590ca8604781b583dafb8cc98bf03718ce8fe2579fb67c8e9a2c09"),
        (CLiD(), "bd36f7d56265d6d549e7d607f2558d1b0c05a476697f60939bf36d6140f056d7"),
        (FreMIA(Loss()), "63c12e854deff1917f17459bf1dca30472c526069c950e401d17815c4c27d227"),
        (ReDiffuseAPI(n=2), "50557cd44850c5fd907bb5585dc8caab37cd07bf4d00caa4fb062d6c5ade06db"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_stored_findings_of_an_attack_are_found_again(attack, key):
    assert [plan.key for plan in plans(attack)] == [key]


def test_stored_findings_about_a_record_are_found_again():
    images = torch.arange(2 * 3 * 2 * 2, dtype=torch.uint8).view(2, 3, 2, 2)
    records = MemorySource(images, [1, 0], ["a cat", None]).load()
    assert Questions(records, images.numpy(), 7).keys == [
        "04a63e1e6c2955a522c83db7bff8af610c139c90e441e5ee7a4606d2696c94d0",
        "74dded2c3ea8566e85fae4f7cbbf004e8b5924a1a545dd821494b5984e96775e",
    ]
