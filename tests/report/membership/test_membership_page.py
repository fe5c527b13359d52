import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from PIL import Image
from simulated_results import changed, with_values

from lit_mia.errors import ReportError
from lit_mia.report.base import Picture
from lit_mia.report.membership.findings import headline_of
from lit_mia.report.membership.sections import AFTER_PICTURES, BEFORE_PICTURES
from lit_mia.report.page import render_page
from lit_mia.report.words import interval, signed

VOID = {"meta", "wbr", "img", "br", "link", "input", "hr"}
EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Tags, attributes, ids and text of a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def without_figures(result):
    """The page without its figures, which take the time."""
    figures = {"membership/forest.html.jinja", "membership/roc.html.jinja"}
    sections = [part for part in (*BEFORE_PICTURES, *AFTER_PICTURES) if part.template not in figures]
    return render_page(result, "title", "tone", sections)


@pytest.fixture(scope="module")
def page(audit):
    return audit.page()


@pytest.mark.parametrize("result", ["audit", "statistics", "mixed"])
def test_page_asks_for_nothing_outside_itself(result, request):
    page = request.getfixturevalue(result).page()
    parsed = Page(page)
    assert not {"link", "iframe", "object", "embed", "base"} & set(parsed.tags)
    loads = [
        (tag, value)
        for tag, name, value in parsed.attributes
        if name in ("src", "srcset", "href", "xlink:href", "action", "data", "poster")
        and not value.startswith(("#", "data:"))
    ]
    assert all(tag == "a" and value.startswith("https://arxiv.org/abs/") for tag, value in loads)
    assert not any(name.startswith("on") for _, name, _ in parsed.attributes)
    assert "@import" not in page
    assert "url(http" not in page


def test_ids_are_unique(page):
    ids = [value for _, name, value in Page(page).attributes if name == "id"]
    assert len(ids) == len(set(ids)) > 0


def test_every_row_stands_in_the_table(audit, page):
    text = Page(page[page.index('<table class="cards') : page.index("</table>") + 8]).text
    for row in audit.report.rows:
        assert f"{row.name} {row['auc']:.3f}" in text


def test_verdict_comes_first_and_numbers_follow(page):
    text = Page(page[page.index("<main") : page.index("</main>") + 7]).text
    places = [
        text.index(words)
        for words in ("Leakage beyond controls", "What it does not mean", "Attacks and their controls")
    ]
    assert places == sorted(places)
    for words in (
        "11.2\u00a0% [8.3, 14.8]\u00a0%",
        "0.571",
        "0.563",
        "160\u202f000",
        "0.612",
        "2.7\u00a0% [1.8, 4.2]\u00a0%",
        "31 min 51 s",
    ):
        assert words.replace("\u00a0", " ").replace("\u202f", " ") in text


def test_a_null_tpr_shows_its_reason(page):
    assert "TPR at 0.01 FPR needs at least 1000 non-members" in Page(page).text


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("not evidence (post hoc design)", "a hint, not evidence"),
        ("not evidence (controls incomplete)", "a hint, not evidence"),
        ("suggestive (a shift read up to 1.5 times better would explain it)", "a hint, not evidence"),
        ("suggestive (no placebo)", "a hint, not evidence"),
        ("suggestive (weak placebo)", "a hint, not evidence"),
        ("confounded", "tells the two sides apart too"),
        ("design violated", "No number of this report says anything of the target"),
        ("tool failure", "captions do not belong to their own images"),
        ("not detected at this power", "That nothing leaks: it may show in an AUC below about 0.612"),
    ],
)
def test_each_verdict_says_what_it_means_and_what_it_does_not_exclude(small, kind, words):
    verdict = {"kind": kind, "sentence": "Some sentence."}
    result = changed(small, verdict=verdict, placebo=None, design="post_hoc", control_null=None)
    text = Page(without_figures(result)).text
    assert words in text
    assert "Placebo: none." in text
    assert "Controls: none." in text
    assert "no leakage" not in text.lower()


def test_the_headline_of_a_hold_out_is_no_bare_auc(audit, page):
    facts = Page(page[page.index('<dl class="facts">') : page.index("</dl>") + 5]).text
    row = next(row for row in audit.report.rows if row.name == "II-S")
    smallest = row["smallest_difference"]
    lo, hi = smallest["ci"]
    assert facts.startswith("better than every control, at least, a shift would have to be read by II-S")
    assert f"2.50 × smallest ΔAUC +{smallest['delta']:.3f} [{lo:.3f}, {hi:.3f}]" in facts
    assert f"{row['auc']:.3f}" not in facts


def test_the_headline_under_a_coin_is_the_auc_with_its_interval(audit):
    page = without_figures(changed(audit, design="randomized_split", coin="stated"))
    facts = Page(page[page.index('<dl class="facts">') : page.index("</dl>") + 5]).text
    row = next(row for row in audit.report.rows if row.name == "II-S")
    lo, hi = row["auc_ci"]
    assert facts.startswith(f"AUC of II-S {row['auc']:.3f} [{lo:.3f}, {hi:.3f}]")
    assert "coin stated, not checked" in Page(page).text


@pytest.mark.parametrize("design", ["randomized_split", "same_source_holdout"])
def test_an_attack_of_which_nothing_is_concluded_is_no_headline(audit, design):
    void = {"II-S": "tool failure", "I-P": "tool failure"}
    rows = [with_values(row, outcome=void[row.name]) if row.name in void else row for row in audit.report.rows]
    report = replace(audit.report, rows=rows, design=design)
    assert headline_of(report) is None
    kept = [with_values(row, outcome="confounded") if row.name == "I-P" else row for row in rows]
    assert "I-P" in headline_of(replace(report, rows=kept)).what


@pytest.mark.parametrize("design", ["canary", "same_source_holdout"])
def test_a_larger_number_without_the_finding_is_no_headline(audit, design):
    """As of a calibrated attack without a placebo beside a plain one that has one."""
    larger = {"outcome": "suggestive (no placebo)", "auc": 0.99, "ratio_lo": 9.0}
    rows = [with_values(row, **larger) if row.name == "I-P" else row for row in audit.report.rows]
    report = replace(audit.report, rows=rows, design=design)
    assert "II-S" in headline_of(report).what
    both = [with_values(row, outcome=report.verdict["kind"]) if row.name == "I-P" else row for row in rows]
    assert headline_of(replace(report, rows=both)).what.count("I-P") == 1
    assert "the largest of 2 with this finding" in headline_of(replace(report, rows=both)).what


def test_every_difference_stands_on_the_page_with_its_interval(audit, page):
    text = Page(page).text
    for row in audit.attacks:
        for control, of in row["differences"].items():
            lo, hi = of["ci"]
            said = f"{signed(of['delta'])} {interval([lo, hi])} {of['p']:.3f} {of['p_shift']:.3f} {of['ratio_lo']:.2f}"
            assert f"{row.name}, {control.removeprefix(row.name + ' ')} " in text
            assert said in text


def test_power_placebo_checks_and_tries_are_said(audit):
    sentences = {"II-S": "It answers worse.", "I-P": "It answers worse.", "IV": "It is as good."}
    checks = {n: {"valid": False, "sentence": s, "gap": None, "gap_hi": None} for n, s in sentences.items()}
    text = Page(without_figures(changed(audit, placebo_checks=checks))).text
    assert "An attack with an AUC of 0.612 would be found four times in five by this rule." in text
    assert "Placebo of II-S, I-P: It answers worse. Placebo of IV: It is as good." in text
    assert "Openings of the test split 9 (7 by audit, 2 by test)" in text
    coin = changed(audit, power={"auc_needed": None, "violation": 0.598}, coin="verified", design="canary")
    text = Page(without_figures(coin)).text
    assert "Which AUC would be found cannot be said of so few groups." in text
    assert "A control with an AUC of 0.598 would show four times in five that the coin did not decide." in text


def test_a_page_without_any_interval(audit):
    unsaid = {"p": None, "p_shift": None, "ratio_lo": None, "ci": None}
    rows = [with_values(row, auc_ci=None) for row in audit.report.rows]
    for place, row in enumerate(rows):
        if row.kind == "attack":
            differences = {name: {**of, **unsaid} for name, of in row["differences"].items()}
            smallest = {**row["smallest_difference"], "ci": None}
            rows[place] = with_values(row, differences=differences, smallest_difference=smallest, ratio_lo=None)
    text = Page(without_figures(changed(audit, rows=rows))).text
    assert f"{rows[0]['auc']:.3f} –" in text
    assert "None" not in text.replace("None of", "")


def test_a_report_without_controls(small):
    values = {"differences": {}, "smallest_difference": None, "ratio_lo": None}
    rows = [with_values(row, **values) for row in small.attacks]
    text = Page(without_figures(changed(small, rows=rows, control_null=None))).text
    assert "ΔAUC" not in text
    assert "Shift factor" not in text
    assert "beside every one" not in text


def test_prices_are_shown_only_where_something_was_paid(small, page):
    cost = small.report.cost
    assert "Price" not in Page(page).text
    by_target = {**cost.by_target, "target": {**cost.by_target["target"], "money": 12.5}}
    paid = changed(small, cost=replace(cost, money=12.5, by_target=by_target))
    assert "Time Price target 4 000 160 000 12 min 21 s 12.50" in Page(paid.page()).text


def test_strings_of_users_are_escaped(small):
    result = changed(
        small,
        name=EVIL,
        config={"target": EVIL, EVIL: ["</pre>", EVIL]},
        target={EVIL: EVIL},
        limits=[EVIL],
        skipped=[EVIL],
        verdict={"kind": EVIL, "sentence": EVIL},
    )
    picture = Image.new("RGB", (4, 4))
    parsed = Page(result.page([Picture((picture, picture), f'"><img onerror={EVIL}', EVIL)]))
    assert parsed.tags.count("script") == 1
    assert "onerror" not in {name for _, name, _ in parsed.attributes}
    assert EVIL in "".join(parsed.words)


def test_pictures_only_when_given_and_embedded(small, page):
    assert "img" not in Page(page).tags
    picture = Image.new("RGB", (4, 4), (10, 200, 30))
    parsed = Page(small.page([Picture((picture, picture), "a grinning face", "non-member, score −1.250")]))
    sources = [value for tag, name, value in parsed.attributes if (tag, name) == ("img", "src")]
    assert len(sources) == 2
    assert all(source.startswith("data:image/png;base64,iVBOR") for source in sources)
    assert "a grinning face non-member, score −1.250" in parsed.text


def test_rows_without_scores_are_named(small):
    with pytest.raises(ReportError, match="II-S"):
        replace(small, scores=small.scores.select(small.scores.row != "II-S")).page()


def test_sections_stand_only_where_they_apply(small):
    picture = Image.new("RGB", (4, 4))
    fidelity = {
        "encoder": "InceptionEncoder",
        "fingerprint": {},
        "dimension": 8,
        "n": 20,
        "rank_deficient": False,
        **{key: {"fid": 0.1, "kid": 0.2, "kid_std": 0.3} for key in ("members", "non_members", "sides")},
        "p_generated": 0.5,
        "p_sides": 0.5,
    }
    headings = {
        "How far apart are the images?": changed(small, fidelity=fidelity).page(),
        "Records and what the target made of their captions": small.page([Picture((picture, picture), "a face")]),
    }
    plain = small.page()
    always = re.findall("<h2>(.*?)</h2>", plain)
    assert "Attacks and their controls" in always
    for heading, page in headings.items():
        assert heading not in always
        found = re.findall("<h2>(.*?)</h2>", page)
        assert sorted(found) == sorted([*always, heading])


def test_a_control_keeps_its_auc_on_narrow_screens(statistics):
    page = statistics.page()
    table = page[page.index('<table class="cards') : page.index("</table>")]
    lines = re.findall(r"<tr class=\"(?:attack|control)\">.*?</tr>", table, re.DOTALL)
    assert len(lines) == len(statistics.report.rows)
    for line, row in zip(lines, statistics.report.rows, strict=True):
        (kept,) = re.findall(r'<td data-label="(.*?)" class="headline">(.*?) <i>', line)
        assert kept == ("AUC [95 % CI]", f"{row['auc']:.3f}")
    assert "td:not(.headline)" in page


def test_columns_of_words_are_set_to_the_left_and_cells_have_no_empty_class(statistics):
    page = statistics.page()
    assert '<th scope="col" class="words">Setting</th>' in page
    assert 'class="words">t\u00a0=\u00a0200, k\u00a0=\u00a0100, n\u00a0=\u00a010</td>' in page
    assert 'class=""' not in page


@pytest.mark.parametrize(("name", "words"), [("small", True), ("statistics", False), ("mixed", False)])
def test_cells_are_kept_whole_where_the_columns_are_few(name, words, request):
    page = request.getfixturevalue(name).page()
    (classes,) = re.findall(r'<table class="cards ([a-z ]*)">', page)[:1]
    assert ("roomy" in classes.split()) is words


@pytest.mark.parametrize(
    ("name", "sentences"),
    [
        ("small", ["The controls have the same heads, budget", "a head can use", "the trained heads taken as given"]),
        ("statistics", ["without this target's denoiser", "a statistic depends on", "chosen settings taken as given"]),
        (
            "mixed",
            ["records without this target.", "an attack can use", "trained heads and chosen settings taken as given"],
        ),
    ],
)
def test_sentences_fit_what_was_audited(name, sentences, request):
    text = Page(request.getfixturevalue(name).page()).text
    for sentence in sentences:
        assert sentence in text
