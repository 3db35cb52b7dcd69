"""check_page.py SAMPLE_REPORT FOLDER: the pages of invented runs are well-formed: every tag closed, ids unique,
labels that point somewhere, no external reference; the SVG files parse as XML."""

import html.parser
import pathlib
import subprocess
import sys
import xml.dom.minidom

VOID = {"meta", "link", "input", "img", "br"}


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.wanted, self.problems = [], set(), set(), []

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.note(tag, a)

    def handle_startendtag(self, tag, attributes):
        self.note(tag, dict(attributes))

    def note(self, tag, a):
        if "id" in a:
            if a["id"] in self.ids:
                self.problems.append(f"id {a['id']} twice")
            self.ids.add(a["id"])
        self.wanted.update((a.get("aria-labelledby", "") + " " + (a.get("for") or "")).split())
        if a.get("href", "").startswith("#"):
            self.wanted.add(a["href"][1:])
        for key in ("src", "href"):
            if key in a and not a[key].startswith(("data:", "#")):
                self.problems.append(f"external {key} {a[key]}")
        if tag == "img" and not a.get("alt"):
            self.problems.append("img without alt")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing at {self.getpos()}")


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    for kind in ([], ["regression"], ["large"]):
        subprocess.run([program, str(folder), *kind], check=True)
        assert (folder / "report.html").stat().st_size < 1_500_000, kind
        checker = Checker()
        checker.feed((folder / "report.html").read_text(encoding="utf-8"))
        problems = checker.problems + [f"unclosed {tag}" for tag in checker.open]
        problems += [f"no element with id {name}" for name in checker.wanted - checker.ids]
        assert not problems, problems
        for name in ["loss", "gap", "steps", "distribution"] + (
            [] if kind == ["regression"] else ["classes", "calibration"]
        ):
            xml.dom.minidom.parse(str(folder / f"{name}.svg"))


main()
