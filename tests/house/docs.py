"""The documentation holds together: links lead somewhere, every page is reached, every public header is described.

usage: docs.py SOURCE_FOLDER
"""

import pathlib
import posixpath
import re
import sys

CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOCTREE = re.compile(
    r"^```\{toctree\}\n(?P<md>.*?)^```|^\.\. toctree::\n(?P<rst>(?: [^\n]*\n|\n)*)", re.MULTILINE | re.DOTALL
)
DOC = re.compile(r":doc:`(?:[^`<]*<)?([^`>]+)>?`")


def slug(heading):
    """The anchor that GitHub and MyST give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", "")).replace(" ", "-")


def broken_links(root):
    pages = [*root.glob("*.md"), *sorted((root / "docs").rglob("*.md"))]
    for page in pages:
        for link in LINK.findall(CODE.sub("", page.read_text())):
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            if re.match(r"\w+:", link):
                continue
            if not target.exists():
                yield f"{page.relative_to(root)}: links to {link}, which does not exist"
            elif anchor and anchor not in {
                slug(line.lstrip("#")) for line in target.read_text().splitlines() if line.startswith("#")
            }:
                yield f"{page.relative_to(root)}: links to {link}, which has no such heading"


def unreached(docs):
    """Pages that no table of contents leads to. The pages of losses are listed by their generated table."""
    pages = {
        page.relative_to(docs).with_suffix("").as_posix()
        for pattern in ("*.md", "*.rst")
        for page in docs.rglob(pattern)
    }
    listed = {"index"}
    for page in docs.rglob("*.*"):
        if page.suffix in (".md", ".rst"):
            folder, text = page.parent.relative_to(docs), page.read_text()
            for entries in TOCTREE.finditer(text):
                listed |= {
                    (folder / line.strip()).as_posix()
                    for line in (entries["md"] or entries["rst"]).splitlines()
                    if line.strip() and not line.strip().startswith(":")
                }
            for name in DOC.findall(text):
                name = posixpath.normpath(name.lstrip("/") if name.startswith("/") else folder / name)
                if name not in pages:
                    yield f"{page.name}: refers to the page {name}, which does not exist"
    table = docs / "reference/README.md"
    listed |= {f"reference/{link[:-3]}" for link in LINK.findall(table.read_text() if table.exists() else "")}
    for page in sorted(pages - listed):
        yield f"docs/{page}: is in no table of contents"
    for page in sorted(listed - pages):
        yield f"docs/{page}: is in a table of contents, but does not exist"


def undescribed(root):
    """Headers of perdita.hpp without a place in docs/api/cpp, modules of Python without a page in docs/api/python."""
    described = {
        header
        for page in (root / "docs/api/cpp").glob("*.rst")
        for header in re.findall(r"^\.\. cpp-header:: (\S+)$", page.read_text(), re.MULTILINE)
    }
    public = re.findall(r'#include "(perdita/\S+)"', (root / "perdita/perdita.hpp").read_text())
    for header in public:
        text = (root / header).read_text()
        included = re.findall(r'#include "(perdita/\S+)"', text)
        is_list = included and not re.search(r"^(?!//|#|$)", text, re.MULTILINE)  # nothing but includes
        for part in included if is_list else [header]:
            if part not in described:
                yield f"{part}: is part of perdita.hpp, but of no page in docs/api/cpp"
    for header in sorted(described):
        if not (root / header).exists():
            yield f"docs/api/cpp: describes {header}, which does not exist"
    pages = "".join(page.read_text() for page in (root / "docs/api/python").glob("*.rst"))
    package = root / "python/perdita"
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        is_private = "bench" in parts or any(part.startswith("_") and part != "__init__" for part in parts)
        if not is_private and not re.search(rf"^\.\. automodule:: {re.escape(name)}$", pages, re.MULTILINE):
            yield f"{name}: has no page in docs/api/python"


def main():
    root = pathlib.Path(sys.argv[1])
    complaints = [*broken_links(root), *unreached(root / "docs"), *undescribed(root)]
    print("\n".join(complaints) or "every page is reached, and every link leads somewhere")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
