"""Small planted worlds."""

import pytest
from planted_audits import Planted, hold, planted_audit, planted_data


@pytest.fixture
def few_records(monkeypatch):
    """Planted worlds have 200 records."""
    hold(200, monkeypatch)


@pytest.fixture
def audit_of(few_records, tmp_path):
    """Makes the audit of a world, of which all was asked."""

    def make(world, **options):
        audit = planted_audit(planted_data(Planted(world, 0), tmp_path), **options)
        audit.query()
        return audit

    return make
