"""FID and KID in the file, in the terminal and on the page."""

from dataclasses import replace

import pytest
from rich.console import Console

from lit_mia.report.html import html_page
from lit_mia.report.schema import AuditReport, load_json, save_json
from lit_mia.report.table import terminal_table

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


def printed(report):
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(terminal_table(report))
    return " ".join(capture.get().split())


@pytest.fixture
def measured(audit):
    return replace(audit[0], fidelity=FIDELITY)


def test_the_file_keeps_them_and_an_older_file_has_none(audit, measured, tmp_path):
    save_json(measured, tmp_path / "audit.json")
    assert load_json(tmp_path / "audit.json") == measured
    older = audit[0].to_dict()
    del older["fidelity"]
    assert AuditReport.from_dict(older) == audit[0]


def test_the_terminal_names_the_encoder_and_the_page_shows_each_distance(audit, measured):
    said = "FID by OpenClipEncoder shipped:openmoji-clip, 480 images a side: to generated images 0.123 (members)"
    assert said in printed(measured)
    page = html_page(measured, audit[1])
    assert TITLE in page
    for words in ("0.123", "0.234", "0.0345", "0.00015 ± 2e−05", "−1e−06", "p = 0.012", "p = 0.400", "not of FID"):
        assert words in page
    assert "rank-deficient" not in page + printed(measured)


def test_without_them_nothing_is_said(audit):
    assert "FID by" not in printed(audit[0])
    assert TITLE not in html_page(*audit)


def test_too_few_images_are_flagged_everywhere(audit, measured):
    report = replace(measured, fidelity={**FIDELITY, "n": 100, "rank_deficient": True})
    assert "FID is rank-deficient here" in printed(report)
    page = html_page(report, audit[1])
    assert "FID (rank-deficient)" in page
    assert "Warning: 100 images are not more than the 192 features" in page


def test_inception_is_not_warned_about(audit, measured):
    report = replace(measured, fidelity={**FIDELITY, "encoder": "InceptionEncoder pt_inception.pth"})
    assert "not of FID" not in html_page(report, audit[1])
