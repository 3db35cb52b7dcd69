"""What a reader finds on a page, whatever they read with: sections, names, room, contrast, paper."""

import base64

import pytest

from conftest import KINDS

SECTIONS = {
    "classes": "diagnosis epochs steps dist classes confusion calibration weights hard suspects again",
    "regression": "diagnosis epochs steps dist hard again",
    "comparison": "result results recall curves again",
    "evaluation": "dist classes confusion calibration hard again",
    "many": "dist classes confusion calibration hard again",
    "large": "diagnosis epochs steps dist classes confusion calibration weights hard suspects again",
}


@pytest.mark.parametrize("kind", KINDS)
def test_sections_in_their_order_and_in_the_contents(open_page, kind):
    page = open_page(kind)
    wanted = SECTIONS[kind].split()
    assert [e.get_attribute("id").removeprefix("h-") for e in page.all("section > h2")] == wanted
    links = [e.get_attribute("href").split("#h-")[1] for e in page.all("nav a")]
    assert links == [name for name in wanted if name not in ("diagnosis", "result")]
    for link in page.all("nav a"):
        link.click()
        heading = page.find("#" + link.get_attribute("href").split("#")[1])
        assert page.run("return arguments[0].getBoundingClientRect().top", heading) < 900


def test_the_diagnosis_stands_first(open_page):
    page = open_page("classes")
    tops = [
        page.run("return document.querySelector(arguments[0]).getBoundingClientRect().top", selector)
        for selector in ("h1", ".diagnosis", ".lead", ".facts", "nav")
    ]
    assert tops == sorted(tops)
    assert tops[1] < 300


def test_what_a_run_of_pictures_shows(open_page):
    page = open_page("classes")
    assert len(page.all("#h-confusion ~ .scroll tbody tr")) == 10
    assert len(page.all(".multiples svg .bar")) > 100
    assert len(page.all(".multiples svg .density")) == 10
    for section in ("hard", "suspects"):
        pictures = page.all(f"section[aria-labelledby=h-{section}] img")
        assert len(pictures) == 20
        assert all(page.run("return arguments[0].naturalWidth", picture) == 28 for picture in pictures)
    text = page.find("section[aria-labelledby=h-weights]").text
    assert "Class weights: balanced" in text
    assert page.find("#gap title").get_attribute("textContent") == "Generalization gap"
    assert page.find("#reliability title").get_attribute("textContent") == "Reliability diagram"


@pytest.mark.parametrize("kind", KINDS)
def test_everything_has_a_name(open_page, kind):
    page = open_page(kind)
    for svg in page.all("svg[role=img]"):
        title, description = page.run(
            "return arguments[0].getAttribute('aria-labelledby').split(' ')"
            ".map((id) => document.getElementById(id).textContent)",
            svg,
        )
        assert title and description, svg.get_attribute("id")
        if svg.is_displayed():
            assert title in svg.accessible_name
    for table in page.all("table"):
        assert page.run("return arguments[0].caption.textContent.length > 10", table)
        assert page.run("return [...arguments[0].querySelectorAll('th')].every((th) => th.scope)", table)
    for element in page.all("input, img, nav, summary"):
        if element.is_displayed():
            assert element.accessible_name
    levels = [int(e.tag_name[1]) for e in page.all("h1, h2, h3, h4") if e.is_displayed()]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False)), levels
    ids = page.run("return [...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_stands_beyond_the_edge(open_page, kind, width):
    page = open_page(kind, width=width)
    assert page.run("return document.documentElement.scrollWidth") <= width
    # What is wider scrolls in a box of its own.
    assert (
        page.run("""return [...document.querySelectorAll('main *, header *')].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width > 0 && box.right > innerWidth + 1 && !e.closest('.scroll, figure > div, .multiples > div')
        && !e.closest('.sr');
    }).map((e) => e.outerHTML.slice(0, 80))""")
        == []
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_telephone_shows_charts_and_captions_whole(open_page, kind):
    """But for the two charts of a comparison, whose losses have long names: they scroll."""
    page = open_page(kind, width=360)
    wide = page.run(
        "return [...document.querySelectorAll('svg.chart, caption')].filter((e) => "
        "e.getBoundingClientRect().width > 340).map((e) => e.id || e.textContent)"
    )
    assert wide == (["results", "recall"] if kind == "comparison" else [])


CONTRAST = """
const parse = (text) => {
  const v = text.match(/[\\d.]+/g).map(Number);
  return text.startsWith('color(srgb') ? [...v.slice(0, 3).map((x) => 255 * x), v[3] ?? 1] : [v[0], v[1], v[2], v[3] ?? 1];
};
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = (c) => {
  const [r, g, b] = c.slice(0, 3).map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (e) => {
  if (!e) return [255, 255, 255, 1];
  const style = getComputedStyle(e), own = parse(style.backgroundColor), below = behind(e.parentElement);
  const shade = style.backgroundImage.match(/rgba?\\([^)]*\\)/);  // a gradient of one colour
  return over(shade ? parse(shade[0]) : own, over(own, below));
};
const poor = [];
for (const e of document.querySelectorAll('body, body *')) {
  if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  if (e.closest('script, style, title, desc, .sr, details:not([open]) > :not(summary)')) continue;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  if (!box.width || style.visibility === 'hidden') continue;
  const back = behind(e), ink = over(parse(e.closest('svg') ? style.fill : style.color), back);
  const [low, high] = [light(ink), light(back)].sort((a, b) => a - b), ratio = (high + 0.05) / (low + 0.05);
  const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
  const name = `${e.tagName}.${e.className.baseVal ?? e.className}`;
  if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${name}: ${e.textContent.slice(0, 40)}`);
}
return poor;
"""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("medium", "scheme"), [("", "light"), ("", "dark"), ("print", "dark")])
def test_text_can_be_told_from_what_is_behind_it(open_page, kind, medium, scheme):
    """WCAG 2.2, criterion 1.4.3: 4.5 to 1, or 3 to 1 for large text."""
    page = open_page(kind)
    page.media(medium, scheme)
    assert page.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert page.run(CONTRAST) == []


@pytest.mark.parametrize("kind", KINDS)
def test_lines_and_bars_can_be_seen_in_the_dark(open_page, kind):
    """WCAG 2.2, criterion 1.4.11: 3 to 1 for what a chart is read by."""
    page = open_page(kind)
    for scheme in ("light", "dark"):
        page.media(scheme=scheme)
        lowest = page.run("""
          const light = (text) => {
            const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map((x) => x / 255)
              .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const paper = light(getComputedStyle(document.body).backgroundColor);
          const marks = document.querySelectorAll('.chart .line:not(.faint), .chart .mark, .chart .mean');
          return Math.min(9, ...[...marks].map((e) => {
            const style = getComputedStyle(e), ink = light(e.matches('.line') ? style.stroke : style.fill);
            return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
          }))""")
        assert lowest >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_nothing_is_cut(open_page, kind):
    page = open_page(kind, width=672)  # what A4 leaves between its margins, at 96 pixels an inch
    pdf = base64.b64decode(
        page.cdp("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)["data"]
    )
    assert pdf.startswith(b"%PDF-") and len(pdf) > 20000
    page.media("print")
    assert (
        page.run("""return [...document.querySelectorAll('main *')].filter((e) => {
      const box = e.getBoundingClientRect(), style = getComputedStyle(e);
      return box.width > 0 && !e.closest('svg svg') && (box.right > innerWidth + 1 ||
        e.scrollWidth > e.clientWidth + 1 && style.overflowX !== 'visible' && e.clientWidth > 0 && !e.matches('.sr'));
    }).map((e) => e.outerHTML.slice(0, 80))""")
        == []
    )
    tallest = page.run(
        "return Math.max(...[...document.querySelectorAll('figure, .multiples > div')]"
        ".map((e) => e.getBoundingClientRect().height))"
    )
    assert tallest < 900  # less than a page
    assert not any(e.is_displayed() for e in page.all(".controls, nav"))


@pytest.mark.parametrize("kind", KINDS)
def test_one_small_file_that_needs_nothing_else(open_page, kind):
    page = open_page(kind)
    assert (page.folder / "report.html").stat().st_size < 1_500_000
    assert (
        page.run(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
            ".filter((name) => !name.startsWith('data:'))"
        )
        == []
    )
