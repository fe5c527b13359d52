"""FID and KID in the file, in the terminal and on the page."""

import pytest
from simulated_results import changed, printed

from lit_mia.report.base import read_numbers
from lit_mia.report.membership import MembershipResult
from lit_mia.report.membership.schema import AuditReport

FIDELITY = {
    "encoder": "OpenClipEncoder shipped:openmoji-clip",
    "fingerprint": {"encoder": "open_clip", "weights": "ab" * 32},
    "dimension": 192,
    "n": 480,
    "rank_deficient": False,
    "members": {"fid": 0.1234, "kid": 1.5e-4, "kid_std": 2.0e-5},
    "non_members": {"fid": 0.2345, "kid": 2.5e-4, "kid_std": 2.1e-5},
    "sides": {"fid": 0.0345, "kid": -1.0e-6, "kid_std": 1.1e-6},
    "p_generated": 0.012,
    "p_sides": 0.4,
}
TITLE = "How far apart are the images?"


def said(result):
    return " ".join(printed(result, 100).split())


@pytest.fixture
def measured(audit):
    return changed(audit, fidelity=FIDELITY)


def test_the_file_keeps_them_and_an_older_file_has_none(audit, measured, tmp_path):
    measured.save(tmp_path)
    assert MembershipResult.load(tmp_path, read_numbers(tmp_path)).report == measured.report
    older = audit.numbers()
    del older["fidelity"]
    assert AuditReport.from_dict(older) == audit.report


def test_the_terminal_names_the_encoder_and_the_page_shows_each_distance(measured):
    words = "FID by OpenClipEncoder shipped:openmoji-clip, 480 images a side: to generated images 0.123 (members)"
    assert words in said(measured)
    page = measured.page()
    assert TITLE in page
    for words in ("0.123", "0.234", "0.0345", "0.00015 ± 2e−05", "−1e−06", "p = 0.012", "p = 0.400", "not of FID"):
        assert words in page
    assert "rank-deficient" not in page + said(measured)


def test_without_them_nothing_is_said(audit):
    assert "FID by" not in said(audit)
    assert TITLE not in audit.page()


def test_too_few_images_are_flagged_everywhere(measured):
    result = changed(measured, fidelity={**FIDELITY, "n": 100, "rank_deficient": True})
    assert "FID is rank-deficient here" in said(result)
    page = result.page()
    assert "FID (rank-deficient)" in page
    assert "Warning: 100 images are not more than the 192 features" in page


def test_inception_is_not_warned_about(measured):
    result = changed(measured, fidelity={**FIDELITY, "encoder": "InceptionEncoder pt_inception.pth"})
    assert "not of FID" not in result.page()
