"""The page in a browser, wide and narrow: what is seen, that tables sort, that nothing is fetched."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest
from simulated_results import changed, with_values
from test_details import AT_01, AT_1, HISTOGRAM
from test_fidelity_section import FIDELITY

pytestmark = pytest.mark.slow

WIDTHS = (1280, 390)
LOOK = """
const seen = (element) => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.height > 0;
};
const look = (frame) => {
  const page = frame.contentDocument;
  const [attacks, ...tables] = page.querySelectorAll("table.cards");
  const names = (table) => [...table.querySelectorAll("tbody th")].map((cell) => cell.textContent.trim());
  const press = (table, words) => {
    const button = [...table.tHead.querySelectorAll("button")].find((one) => one.textContent.startsWith(words));
    button.focus();
    const focused = page.activeElement === button && seen(button);
    button.click();
    return { names: names(table), sort: button.parentNode.getAttribute("aria-sort"), focused };
  };
  for (const details of page.querySelectorAll("details")) details.open = true;
  const thresholds = tables.find((table) => table.tHead.textContent.includes("Nominal FPR"));
  return {
    width: page.documentElement.clientWidth,
    overflow: page.documentElement.scrollWidth,
    briefing: page.querySelector(".verdict").getBoundingClientRect().bottom,
    verdict: seen(page.querySelector(".verdict h2")),
    questions: [...page.querySelectorAll(".brief h3")].filter(seen).map((one) => one.textContent),
    tables: [...page.querySelectorAll("table")].map(seen),
    plots: [...page.querySelectorAll("svg[role=img]")].map(seen),
    fetched: frame.contentWindow.performance.getEntriesByType("resource").map((entry) => entry.name),
    reported: names(attacks),
    presses: [1, 2, 3].map(() => press(attacks, "AUC")),
    words: press(attacks, "Finding"),
    thresholds: press(thresholds, "Nominal FPR"),
    distances: press(tables.find((table) => table.tHead.textContent.includes("KID")), "KID"),
  };
};
addEventListener("load", () => {
  const found = [...document.querySelectorAll("iframe")].map(look);
  document.querySelector("output").textContent = JSON.stringify(found);
});
"""


@pytest.fixture(scope="module")
def chromium():
    """The browser, which is no dependency."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"No browser to look at the page with: none of {', '.join(names)} is installed.")
    return found


@pytest.fixture(scope="module")
def looked(audit, chromium, tmp_path_factory):
    """What the browser finds at each width."""
    shown = {"histogram": HISTOGRAM, "further_thresholds": [AT_1, AT_01], "access": "generate"}
    rows = [with_values(row, **shown) for row in audit.report.rows]
    of = {name: {"fid": 0.03, "kid": kid, "kid_std": 1e-6} for name, kid in (("sides", -3e-5), ("members", -2e-4))}
    fidelity = {**FIDELITY, **of}
    page = changed(audit, rows=rows, fidelity=fidelity, skipped=["a" * 200]).page()
    frames = [
        f'<iframe srcdoc="{escape(page)}" style="width: {width}px; height: 900px; border: 0"></iframe>'
        for width in WIDTHS
    ]
    folder = tmp_path_factory.mktemp("browser")
    wrapper = f"<!doctype html><meta charset=utf-8>{''.join(frames)}<output></output><script>{LOOK}</script>"
    (folder / "wrapper.html").write_text(wrapper, encoding="utf-8")
    run = subprocess.run(
        [
            *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"),
            *("--window-size=1400,1900", "--dump-dom", (folder / "wrapper.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    (found,) = re.findall("<output>(.*?)</output>", run.stdout, re.DOTALL)
    return dict(zip(WIDTHS, json.loads(unescape(found)), strict=True))


@pytest.fixture(scope="module", params=WIDTHS)
def at(looked, request):
    """What is found at one width."""
    return looked[request.param]


def test_the_verdict_its_answers_tables_and_plots_are_seen(at):
    assert at["verdict"]
    assert at["questions"] == [
        *("What leaks", "To whom", "How sure", "Against what", "At what cost", "What it does not mean"),
    ]
    assert all(at["tables"])
    assert len(at["plots"]) == 1 + 1 + 2 + 2  # intervals, all curves, curves and scores of two attacks
    assert all(at["plots"])
    assert at["overflow"] <= at["width"]


def test_the_first_screen_answers_everything(looked):
    assert looked[1280]["briefing"] <= 900


def test_nothing_is_fetched(at):
    assert at["fetched"] == []


def test_attacks_are_sorted_with_their_controls_and_put_back(at, audit):
    blocks = {name: [row.name for row in audit.report.rows if row.attack == name] for name in ("I-P", "II-S")}
    reported, turned = [*blocks["I-P"], *blocks["II-S"]], [*blocks["II-S"], *blocks["I-P"]]
    assert at["reported"] == reported
    assert [press["names"] for press in at["presses"]] == [turned, reported, reported]  # II-S has the larger AUC
    assert [press["sort"] for press in at["presses"]] == ["descending", "ascending", None]
    assert all(press["focused"] for press in at["presses"])


def test_words_begin_with_the_first_letter(at):
    assert at["words"]["sort"] == "ascending"
    assert at["words"]["names"][0] == "II-S"  # leakage before not detected


def test_lines_that_stand_by_themselves_are_sorted_one_by_one(at):
    assert at["thresholds"]["names"] == ["I-P", "II-S", "I-P", "II-S"]  # 10 % twice, then 1 %


def test_a_small_exponent_is_a_small_number(at):
    assert [name.split()[0] for name in at["distances"]["names"]] == ["Non-members", "Members", "Members"]
    assert at["distances"]["names"][1] == "Members and non-members"  # −3e−05 is above −0.0002
