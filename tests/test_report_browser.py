"""Reports in a real browser without a network: nothing is fetched, axe finds nothing, keyboard and print work.

Playwright and axe-core lie in ``.venv/engines`` (`make test` puts them there and installs Chromium), so they are not
part of the environment that makes reports.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_projects import PROJECT, folders, project_in, with_ledger

from helpers.reports.__main__ import main

ENGINES = Path(sys.prefix) / "engines"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LACKING = "" if (ENGINES / "playwright").is_dir() and BROWSER else "no browser here: `make test` installs it"
pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING)

RUNS = """\
runs:
  evidence-en: {notebook: evidence_ledger, parameters: {platform: kuaishou}}
  evidence-zh: {notebook: evidence_ledger, parameters: {platform: kuaishou, language: zh}}
  past: {notebook: evidence_ledger, parameters: {platform: kuaishou, as_of: 2024-12-31}}
  broken: {notebook: bad}
"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """Reports of a real notebook, made twice with a fact revised in between, so that something has changed."""
    made = with_ledger(project_in(tmp_path_factory.mktemp("project"), RUNS, bad=["1 / 0"]))
    shutil.copy(PROJECT / "notebooks" / "evidence_ledger.ipynb", made / "notebooks")
    for folder in ("lexicon", "samples/articles"):
        shutil.copytree(PROJECT / "data" / folder, made / "data" / folder)
    assert main([], project=made) == 1
    facts = made / "data" / "ledger" / "facts.csv"
    text = facts.read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if line.startswith("f0288,"))
    assert old.split(",")[1:5] == ["kuaishou", "dau", "level", "407700000"]
    facts.write_text(text.replace(old, old.replace("407700000", "417700000")), encoding="utf-8")
    assert main([], project=made) == 1
    return made


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator:
    alone = tmp_path_factory.mktemp("packages")  # beside them lies Spark, which pandera would import
    for name in ("playwright", "axe_playwright_python", "greenlet", "pyee"):
        if (ENGINES / name).exists():
            (alone / name).symlink_to(ENGINES / name)
    sys.path.append(str(alone))
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            options = [
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ]
            if hasattr(os, "geteuid") and os.geteuid() == 0:
                options.append("--no-sandbox")
            opened = playwright.chromium.launch(executable_path=BROWSER, args=options)
            yield opened
            opened.close()
    finally:
        sys.path.remove(str(alone))


def place(project: Path, name: str) -> Path:
    return project / "reports" / name if name.endswith(".html") else folders(project, name)[-1] / "report.html"


PAGES = ["evidence-en", "evidence-zh", "index.html", "changes.html", "backtest.html"]


@pytest.fixture
def opened(browser, project, request) -> Iterator:
    """A page opened with the network off; what it asks for and complains of is kept."""
    name, options = request.param if isinstance(request.param, tuple) else (request.param, {})
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    page.asked, page.complaints = [], []
    page.on("request", lambda one: page.asked.append(one.url))
    page.on("console", lambda one: page.complaints.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda one: page.complaints.append(str(one)))
    page.goto(place(project, name).as_uri())
    yield page
    context.close()


def contrast_and_more(page) -> list[str]:
    """What axe-core finds against the rules of WCAG A and AA."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("opened", PAGES, indirect=True)
def test_a_page_asks_for_nothing_and_complains_of_nothing(opened):
    opened.wait_for_load_state("networkidle")
    outside = [url for url in opened.asked if not url.startswith("data:")]
    assert len(outside) == 1
    assert outside[0].startswith("file://")
    assert opened.complaints == []


@pytest.mark.parametrize(
    "opened",
    [(name, {"color_scheme": scheme}) for name in PAGES for scheme in ("light", "dark")],
    indirect=True,
    ids=[f"{name} {scheme}" for name in PAGES for scheme in ("light", "dark")],
)
def test_a_page_is_accessible_in_both_schemes(opened):
    opened.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert contrast_and_more(opened) == []


@pytest.mark.parametrize("opened", [(n, {"viewport": {"width": 390, "height": 844}}) for n in PAGES], indirect=True)
def test_nothing_is_wider_than_a_phone(opened):
    assert opened.evaluate("document.scrollingElement.scrollWidth - window.innerWidth") <= 0


@pytest.mark.parametrize("opened", ["evidence-en"], indirect=True)
def test_a_number_shows_its_passport_by_keyboard_and_gives_the_focus_back(opened):
    link = opened.locator(".headline a").first
    fact = link.get_attribute("href")[1:]
    link.focus()
    opened.keyboard.press("Enter")
    drawer = opened.locator("#drawer")
    assert drawer.is_visible()
    assert opened.evaluate("document.activeElement.id") == "drawer-close"
    assert fact in drawer.inner_text()
    assert drawer.locator("dd a").first.get_attribute("href").startswith("http")
    assert contrast_and_more(opened) == []
    opened.keyboard.press("Escape")
    assert not drawer.is_visible()
    assert opened.evaluate("document.activeElement.getAttribute('href')") == f"#{fact}"


@pytest.mark.parametrize("opened", [("evidence-en", {"java_script_enabled": False})], indirect=True)
def test_without_a_script_a_number_leads_to_the_list_of_sources(opened):
    link = opened.locator(".headline a").first
    link.click()
    fact = link.get_attribute("href")
    assert opened.url.endswith(fact)
    assert opened.locator(f"span[id='{fact[1:]}']").is_visible()
    assert opened.locator("details.code").first.is_visible()


@pytest.mark.parametrize("opened", ["evidence-en"], indirect=True)
def test_a_long_table_sorts_by_number_and_says_so(opened):
    table = opened.locator("table:has(th button.sort)", has_text="Monthly active users").first
    head = table.locator("th", has=opened.locator("button", has_text="age")).first
    column = head.evaluate("one => one.cellIndex")
    texts = "(table, column) => [...table.tBodies[0].rows].map(row => row.cells[column].textContent)"
    head.locator("button").click()
    up = [int(text.replace(",", "")) for text in table.evaluate(f"(t, c) => ({texts})(t, c)", column)]
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    down = [int(text.replace(",", "")) for text in table.evaluate(f"(t, c) => ({texts})(t, c)", column)]
    assert head.get_attribute("aria-sort") == "descending"
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert len(set(up)) > 3


@pytest.mark.parametrize("opened", ["evidence-en"], indirect=True)
def test_the_skip_link_comes_first_and_code_is_folded(opened):
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.className") == "skip"
    assert not opened.locator("details.code").first.is_visible()
    opened.locator("#toggle-code").click()
    assert opened.locator("details.code pre").first.is_visible()


@pytest.mark.parametrize("opened", ["evidence-en"], indirect=True)
def test_what_changed_stands_on_top_with_its_reason(opened):
    told = opened.locator("#changes").inner_text()
    assert "Daily active users" in told
    assert "from 408 million to 418 million, because fact f0288" in told
    assert "was revised" in told


@pytest.mark.parametrize("opened", ["index.html"], indirect=True)
def test_the_index_is_searched_and_filtered(opened):
    listed = opened.locator("li.report:visible")
    assert listed.count() == 4
    opened.fill("#filter-text", "evidence zh")
    assert listed.count() == 1
    opened.fill("#filter-text", "")
    opened.select_option("#filter-state", "failed")
    assert "bad / broken" in listed.inner_text()
    assert opened.locator("#filter-count").inner_text() == "1 of 4"
    opened.select_option("#filter-state", "moved")
    assert listed.count() == 2
    assert opened.locator("svg.spark").first.get_attribute("aria-label").startswith("2 runs, lowest")
    assert "1 failed" in opened.locator(".batch").inner_text()


@pytest.mark.parametrize("opened", ["evidence-zh"], indirect=True)
def test_chinese_letters_come_with_the_page(opened):
    assert opened.evaluate("document.fonts.load('16px \"Kit CJK\"', '快手').then(found => found.length)") == 1
    assert opened.evaluate("document.documentElement.lang") == "zh-CN"


@pytest.mark.parametrize("opened", ["evidence-en"], indirect=True)
def test_a_print_has_no_buttons_and_keeps_the_figures(opened):
    opened.emulate_media(media="print")
    assert not opened.locator("#toggle-code").is_visible()
    assert opened.locator("figure img").first.is_visible()
    assert opened.pdf(format="A4")[:5] == b"%PDF-"
