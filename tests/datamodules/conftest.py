"""Records, targets that note what they are asked, and a datamodule over both."""

import pytest
from small_records import LABELS, QUARTERS, SEED, InkTarget, write_records

from datamodules import AuxiliaryDataModule


@pytest.fixture
def source(tmp_path):
    return write_records(tmp_path / "records", LABELS)


@pytest.fixture
def ink(tmp_path):
    """Makes targets that note what they are asked, each in a folder of its own."""
    return lambda name="notes", **options: InkTarget(tmp_path / name, **options)


@pytest.fixture
def data(tmp_path, source, ink):
    """Makes a datamodule over one store; what a test gives takes the place of the defaults."""

    def make(**options):
        settings = {"source": source, "store": str(tmp_path / "store"), "image_size": 8} | options
        settings = {"fractions": QUARTERS, "split_seed": SEED} | settings
        return AuxiliaryDataModule(**({"target": ink()} | settings))

    return make
