"""take_pictures.py REPORT.html FOLDER: how a report looks on a screen, in the dark, on a telephone and on paper."""

import base64
import pathlib
import sys

import chromium


def main():
    page, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    driver = chromium.start()
    for name, width, scheme in (("light", 1000, "light"), ("dark", 1000, "dark"), ("narrow", 360, "light")):
        driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 1480, "deviceScaleFactor": 1, "mobile": False},
        )
        driver.get(page.as_uri())
        for part, whole in (("", False), ("-whole", True)):
            shot = driver.execute_cdp_cmd(
                "Page.captureScreenshot",
                {"captureBeyondViewport": whole}
                | (
                    {
                        "clip": {
                            "x": 0,
                            "y": 0,
                            "width": width,
                            "scale": 1,
                            "height": driver.execute_script("return document.documentElement.scrollHeight"),
                        }
                    }
                    if whole
                    else {}
                ),
            )
            (folder / f"{name}{part}.png").write_bytes(base64.b64decode(shot["data"]))
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    paper = driver.execute_cdp_cmd(
        "Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
    )
    (folder / "paper.pdf").write_bytes(base64.b64decode(paper["data"]))
    driver.quit()


main()
