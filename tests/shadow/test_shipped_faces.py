"""The shipped models of identity inference and the ground truth beside them."""

import csv
import json

import pytest

from datamodules import FacesSource
from lit_mia.features.open_clip_encoder import OpenClipEncoder
from lit_mia.models.files import ASSETS
from lit_mia.records import MEMBER

MODELS = ("faces-clip", "faces-clip-permuted", "faces-clip-swapped")


@pytest.fixture(params=MODELS)
def folder(request):
    return ASSETS / "targets" / request.param


@pytest.fixture
def people(folder):
    return FacesSource(swapped=folder.name.endswith("swapped")).load()


def test_a_model_is_small_and_loads(folder):
    assert sum(file.stat().st_size for file in folder.glob("*") if file.name.startswith(("open_", "token"))) < 1.3e6
    assert OpenClipEncoder(str(folder), device="cpu").embed_texts(["a photo of Zuka Braimil"]).shape == (1, 64)


def test_the_ground_truth_beside_a_model_is_that_of_the_source(folder, people):
    with (folder / "people.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["question"] == "1"]
    assert tuple(row["name"] for row in rows) == people.names
    assert tuple(int(row["occurrences"]) for row in rows) == people.occurrences
    own = [row["called"] == row["name"] for row in rows if row["called"]]
    assert not any(own) if folder.name.endswith("permuted") else all(own)
    members = [name for name, member in zip(people.names, people.members, strict=True) if member == MEMBER]
    assert json.loads((folder / "membership.json").read_text())["members"] == members
