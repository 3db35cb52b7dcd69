"""Reports of every kind, made by the command line, and a browser to open them in."""

import json
import math
import pathlib
import random
import subprocess

import pytest

import chromium

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/release/bin/perdita"
KINDS = ("classes", "regression", "comparison", "evaluation", "many", "large")


def perdita(*words):
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def write_predictions(folder, classes, rows):
    """Logits that are right two times out of three, as text."""
    draw = random.Random(1)
    targets = [draw.randrange(classes) for _ in range(rows)]
    with open(folder / "p.csv", "w", encoding="ascii") as file:
        for target in targets:
            logits = [draw.gauss(2.5 * (k == target), 1.5) for k in range(classes)]
            file.write(",".join(f"{logit:.4f}" for logit in logits) + "\n")
    (folder / "y.csv").write_text("".join(f"{target}\n" for target in targets), encoding="ascii")


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """The folder of each kind's report."""
    folder = tmp_path_factory.mktemp("reports")
    perdita(
        "train",
        "--data",
        "fashion-mnist",
        "--hidden",
        "16",
        "--epochs",
        "3",
        "--imbalance",
        "longtail:20",
        "--class-weights",
        "balanced",
        "--out",
        folder / "classes",
    )
    perdita("train", "--data", "synthetic:sine", "--epochs", "5", "--out", folder / "regression")
    perdita(
        "compare",
        "--data",
        "synthetic:blobs,samples=1200,classes=4",
        "--imbalance",
        "longtail:20",
        "--epochs",
        "4",
        "--seeds",
        "3",
        "--losses",
        "cross_entropy; balanced_softmax; cross_entropy:weights=effective_number:0.999",
        "--out",
        folder / "comparison",
    )
    for kind, classes in (("evaluation", 4), ("many", 200)):
        (folder / kind).mkdir()
        write_predictions(folder / kind, classes, 3000)
        perdita(
            "evaluate",
            "--predictions",
            folder / kind / "p.csv",
            "--targets",
            folder / kind / "y.csv",
            "--quiet",
            "--out",
            folder / kind,
        )
    subprocess.run([PROGRAM.parent / "sample_report", folder / "large", "large"], check=True)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def browser():
    driver = chromium.start()
    yield driver
    driver.quit()


class Page:
    """A report in the browser."""

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, medium="", scheme="light"):
        self.cdp(
            "Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def values(self, selector):
        """What the figure around an element tells of its values."""
        return json.loads(
            self.run(
                "return document.querySelector(arguments[0]).closest('figure').querySelector('script.values').textContent",
                selector,
            )
        )


@pytest.fixture
def open_page(browser, reports):
    def opened(kind, **size):
        page = Page(browser, reports[kind])
        page.media()
        page.size(**{"width": 1280, **size})
        browser.get((reports[kind] / "report.html").as_uri())
        return page

    yield opened
    messages = browser.get_log("browser")
    assert messages == [], "the browser's console must stay empty"


def moving_average(losses, keep):
    """Of the finite ones, without the pull towards zero at the start."""
    average, weight, result = 0.0, 0.0, []
    for loss in losses:
        average = keep * average + (1 - keep) * loss
        weight = keep * weight + (1 - keep)
        result.append(average / weight)
    assert all(map(math.isfinite, result))
    return result
