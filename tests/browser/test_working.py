"""What a reader can do: move the slider, change the axis, point at a chart, use the keys."""

import re

import pytest
from selenium.webdriver import ActionChains, Keys

from conftest import KINDS, moving_average

VISIBLE_CHARTS = "return [...document.querySelectorAll('svg.chart')].filter((e) => e.getBoundingClientRect().width > 0)"


def center_on(page, element):
    page.run("arguments[0].scrollIntoView({block: 'center'})", element)


def point_at(page, svg, share):
    """Puts the pointer on a chart, at a share of its width."""
    center_on(page, svg)
    width = page.run("return arguments[0].getBoundingClientRect().width", svg)
    ActionChains(page.driver).move_to_element_with_offset(svg, round((share - 0.5) * width), 0).perform()


def path_y(page, selector):
    """The heights of a line's points, in the chart's units."""
    return [float(y) for y in re.findall(r",([-\d.]+)", page.find(selector).get_attribute("d"))]


def heights(losses, page, selector):
    low, high, bottom, top = map(float, page.find(selector).get_attribute("data-y").split())
    return [bottom + (loss - low) / (high - low) * (top - bottom) for loss in losses]


def test_the_slider_smoothes(open_page):
    page = open_page("classes")
    line, slider = "#steps-linear .line.s1", page.find("#smoothing")
    raw, _ = page.values("#steps-linear")["series"]
    center_on(page, slider)
    assert path_y(page, line) == pytest.approx(heights(moving_average(raw["y"], 0.9), page, "#steps-linear"), abs=0.1)
    slider.send_keys(Keys.HOME)
    assert page.find("output").text == "0 %"
    assert path_y(page, line) == pytest.approx(heights(raw["y"], page, "#steps-linear"), abs=0.1)
    for _ in range(50):
        slider.send_keys(Keys.ARROW_RIGHT)
    assert page.find("output").text == "50 %"
    smooth = moving_average(raw["y"], 0.5)
    assert path_y(page, line) == pytest.approx(heights(smooth, page, "#steps-linear"), abs=0.1)
    ActionChains(page.driver).drag_and_drop_by_offset(slider, 60, 0).perform()
    assert page.find("output").text != "50 %"
    # The values under the pointer follow.
    slider.send_keys(Keys.HOME)
    point_at(page, page.find("#steps-linear"), 0.5)
    losses = re.findall(r"(?:training|smoothed) ([\d.]+)", page.find(".tip").text)
    assert len(losses) == 2 and losses[0] == losses[1]


def test_the_axis_changes_by_keyboard(open_page):
    page = open_page("classes")
    linear, logarithmic = page.find("#epochs-linear"), page.find("#epochs-log")
    assert linear.is_displayed() and not logarithmic.is_displayed()
    for _ in range(60):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        if page.run("return document.activeElement.type") == "checkbox":
            break
    assert page.driver.switch_to.active_element.accessible_name == "logarithmic loss axis"
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    assert logarithmic.is_displayed() and not linear.is_displayed()
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    assert linear.is_displayed() and not logarithmic.is_displayed()


@pytest.mark.parametrize("log", [False, True])
def test_values_under_the_pointer(open_page, log):
    page = open_page("classes")
    if log:
        page.find("figure.scale input").click()
    svg = page.find("#epochs-log" if log else "#epochs-linear")
    training, validation = page.values("#epochs-linear")["series"]
    assert not page.find(".tip").is_displayed()
    point_at(page, svg, 0.5)
    tip = page.find(".tip")
    assert tip.is_displayed()
    lines = tip.text.split("\n")
    assert lines[0] == "epoch 2"
    assert [line.split()[0] for line in lines[1:]] == ["training", "validation"]
    for line, series in zip(lines[1:], (training, validation), strict=True):
        assert float(line.split()[1]) == pytest.approx(series["y"][1], rel=1e-3)
    ActionChains(page.driver).move_to_element(page.find("h1")).perform()
    assert not tip.is_displayed()


@pytest.mark.parametrize("kind", KINDS)
def test_every_chart_tells_its_values(open_page, kind):
    """By pointer and by keys; but for rows of dots, where each dot tells its own."""
    page = open_page(kind)
    for svg in page.run(VISIBLE_CHARTS):
        name = svg.get_attribute("id")
        if name == "results":
            marks = page.run(
                "return [...arguments[0].querySelectorAll('.mark, .mean, .band')].map((e) => e.textContent)", svg
            )
            assert len(marks) == 3 * 3 + 3 + 3 and all(re.search(r": .*\d", text) for text in marks)
            continue
        point_at(page, svg, 0.6)
        assert re.search(r"\d", page.find(".tip").text), name
        page.run("arguments[0].focus()", svg)
        ActionChains(page.driver).send_keys(Keys.HOME).perform()
        first = page.find("[role=status]").get_attribute("textContent")
        ActionChains(page.driver).send_keys(Keys.END).perform()
        last = page.find("[role=status]").get_attribute("textContent")
        assert first != last and re.search(r"\d", first) and re.search(r"\d", last), name
        ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
        assert not page.find(".tip").is_displayed()


@pytest.mark.parametrize("width", [360, 1280])
def test_values_stay_in_the_window(open_page, width):
    page = open_page("classes", width=width)
    for svg in page.run(VISIBLE_CHARTS):
        center_on(page, svg)
        page.run("arguments[0].focus()", svg)
        for key in (Keys.HOME, Keys.END):
            ActionChains(page.driver).send_keys(key).perform()
            box = page.run("return document.querySelector('.tip').getBoundingClientRect().toJSON()")
            assert box["left"] >= 0 and box["right"] <= width and box["top"] >= 0 and box["bottom"] <= 900


def test_without_scripts_the_charts_are_there(open_page):
    page = open_page("classes")
    page.cdp("Emulation.setScriptExecutionDisabled", value=True)
    try:
        page.driver.refresh()
        assert page.find("#steps-linear .line.s1").get_attribute("d").startswith("M")
        page.find("figure.scale input").click()
        assert page.find("#epochs-log").is_displayed()
        assert not page.find(".hint").is_displayed()
    finally:
        page.cdp("Emulation.setScriptExecutionDisabled", value=False)
