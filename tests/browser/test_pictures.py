"""The charts beside a report: the same as SVG and as PNG, and with the colours they are meant to have."""

import re
import subprocess

import pytest
from PIL import Image

from conftest import PROGRAM

BLUE, ORANGE, WHITE = (0, 114, 178), (213, 94, 0), (255, 255, 255)
CHARTS = {
    "classes": {"loss", "gap", "steps", "distribution", "classes", "calibration"},
    "regression": {"loss", "gap", "steps", "distribution"},
    "comparison": {"results", "recall"},
    "evaluation": {"distribution", "classes", "calibration"},
}


@pytest.mark.parametrize("kind", CHARTS)
def test_svg_and_png_are_the_same_chart(reports, kind):
    names = {ending: {path.stem for path in reports[kind].glob(f"*.{ending}")} for ending in ("svg", "png")}
    assert names["svg"] == CHARTS[kind]
    assert names["png"] == CHARTS[kind], "PNGs take librsvg: scripts/install-deps.sh"
    for name in CHARTS[kind]:
        svg = (reports[kind] / f"{name}.svg").read_text(encoding="utf-8")
        width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
        image = Image.open(reports[kind] / f"{name}.png").convert("RGB")
        assert image.size == (2 * width, 2 * height)
        seen = {colour for count, colour in image.getcolors(maxcolors=1 << 24) if count > 30}
        assert image.getpixel((2, 2)) == WHITE
        assert {BLUE, ORANGE} & seen, name
        assert (0, 0, 0) not in seen, f"{name}: what has no colour is drawn black"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_svg_file_stands_by_itself(browser, reports, scheme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    browser.get((reports["classes"] / "loss.svg").as_uri())
    fill = browser.execute_script("return getComputedStyle(document.querySelector('.paper')).fill")
    assert fill == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 24, 29)")
    assert browser.get_log("browser") == []


@pytest.mark.parametrize(("charts", "left"), [("none", set()), ("svg", {"svg"}), ("png", {"png"})])
def test_charts_as_the_option_says(tmp_path, charts, left):
    folder = tmp_path / "run"
    subprocess.run(
        [
            PROGRAM,
            "train",
            "--data",
            "synthetic:moons",
            "--epochs",
            "2",
            "--charts",
            charts,
            "--quiet",
            "--out",
            folder,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert {path.suffix[1:] for path in folder.iterdir()} & {"svg", "png"} == left
    assert (folder / "report.html").exists()
