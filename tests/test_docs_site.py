"""The site of docs builds without a warning, asks nothing of a network, and its home leads to the guides."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from documents import FENCED, ROOT

import lit_mia

CONFIG = ROOT / "scripts/docs_site/mkdocs.yml"
LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src", "video": "src"}
"""What a browser fetches by itself."""
ADDRESSES_ONLY = {"canonical", "next", "prev"}
"""Links of a page's head that nothing follows by itself."""
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")

HREF = re.compile(r'<a [^>]*?href="(?!\w+:)([^"#?]+)')
"""An address within the site, in a page that was built."""


class Fetched(HTMLParser):
    """Addresses that a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADED and given.get(LOADED[tag]) and given.get("rel") not in ADDRESSES_ONLY:
            self.addresses.append(given[LOADED[tag]] or "")


def fetched_by(page: Path) -> list[str]:
    parser = Fetched()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.addresses


def links_of(page: Path) -> list[str]:
    return [a or b for a, b in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))]


def anchors_of(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_readme_lead_somewhere():
    for link in links_of(ROOT / "README.md"):
        path, _, anchor = link.partition("#")
        if not path.startswith("https://"):
            assert (ROOT / path).exists(), link
            assert not anchor or anchor in anchors_of(ROOT / path), link


def test_the_readme_is_a_page():
    assert len((ROOT / "README.md").read_bytes()) <= 15_000


def test_each_guide_is_one_click_from_home_and_in_the_navigation():
    guides = {f"guides/{path.name}" for path in (ROOT / "docs/guides").glob("*.md")}
    assert len(guides) == 10
    assert guides <= set(links_of(ROOT / "docs/index.md"))
    assert all(f": {guide}" in CONFIG.read_text(encoding="utf-8") for guide in guides)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(CONFIG),
        "--site-dir",
        str(folder),
    ]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_and_asks_nothing_of_a_network(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    fetched = {(page.name, address) for page in pages for address in fetched_by(page)}
    assert {(page, address) for page, address in fetched if re.match(r"(https?:)?//", address)} == set()
    for style in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_the_api_is_described(site):
    text = (site / "reference/api.html").read_text(encoding="utf-8")
    names = {name for name in lit_mia.__all__ if not name.startswith("_")}
    assert {name for name in names if f'id="lit_mia.{name}"' not in text} == set()
    assert 'id="lit_mia._' not in text
    for returned in (
        "results.AuditResult",
        "designs.DesignResult",
        "comparisons.ComparisonResult",
        "self_tests.SelfTestResult",
    ):
        assert f'id="lit_mia.api.{returned}.table"' in text


@pytest.mark.slow
def test_the_pages_can_be_searched_without_a_server(site):
    assert (site / "search/search_index.js").is_file()
    assert "assets/iframe-worker.js" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_links_of_every_page_lead_to_files_of_the_site(site):
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]  # served for any address
    linked = [(page, href) for page in pages for href in HREF.findall(page.read_text(encoding="utf-8"))]
    assert len(linked) > 1000
    assert {(page.name, href) for page, href in linked if not (page.parent / href).exists()} == set()
