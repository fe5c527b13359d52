"""Processes that were launched together on one machine do not crowd on its first accelerator."""

import pytest
import torch

from lit_mia.models.placement import LOCAL_RANKS, resolve_device


@pytest.fixture
def four(monkeypatch):
    """As if there were four accelerators."""
    for name in LOCAL_RANKS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda check_available=False: torch.device("cuda"))
    monkeypatch.setattr("torch.accelerator.device_count", lambda: 4)
    monkeypatch.setattr("torch.accelerator.current_device_index", lambda: 0)
    return monkeypatch


def test_one_process_takes_the_current_one(four):
    assert resolve_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("variable", LOCAL_RANKS)
def test_each_of_several_takes_its_own(four, variable):
    taken = []
    for rank in range(5):
        four.setenv(variable, str(rank))
        taken.append(resolve_device("auto").index)
    assert taken == [0, 1, 2, 3, 0]


def test_what_was_given_to_a_process_stays(four):
    four.setenv("LOCAL_RANK", "0")
    four.setattr("torch.accelerator.current_device_index", lambda: 2)
    assert resolve_device("auto").index == 2
    assert resolve_device("cpu") == torch.device("cpu")
