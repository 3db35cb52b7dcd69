"""The repository as a visitor sees it: no machine's paths, no reminders for later. Long files and lines are reported,
not refused.

usage: hygiene.py SOURCE_FOLDER
"""

import pathlib
import re
import subprocess
import sys

LINES = 400
COLUMNS = 120
SOURCE = {".cpp", ".hpp", ".py", ".sh", ".txt", ".cmake", ".in", ".md", ""}
# Each pattern is broken in two, lest this file match itself.
FORBIDDEN = {
    "a machine's path": re.compile(r"(?<![\w.$}])/(?:wo" r"rk|ro" r"ot|ho" r"me)/\w"),
    "a reminder for later": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b"),
    "-ffast-math": re.compile(r"^[^#/\"`]*-ffast" r"-math"),
}


def remarks_about(path, text):
    lines = text.splitlines()
    if len(lines) > LINES and path.suffix in (".cpp", ".hpp", ".py"):
        yield f"{path}: {len(lines)} lines (valid: at most {LINES})"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS and path.suffix in (".cpp", ".hpp"):
            yield f"{path}:{number}: {len(line)} columns (valid: at most {COLUMNS})"


def complaints_about(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        for name, pattern in FORBIDDEN.items():
            if pattern.search(line):
                yield f"{path}:{number}: {name}: {line.strip()}"


def main():
    root = pathlib.Path(sys.argv[1])
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True
    )
    if listing.returncode != 0:
        print("not a git checkout: skipped")
        return 77
    paths = [pathlib.Path(name) for name in listing.stdout.splitlines()]
    paths = [path for path in paths if path.suffix in SOURCE and (root / path).is_file()]
    texts = {path: (root / path).read_text(errors="replace") for path in paths}
    for path, text in texts.items():
        for remark in remarks_about(path, text):
            print("remark:", remark)
    complaints = [complaint for path, text in texts.items() for complaint in complaints_about(path, text)]
    print("\n".join(complaints) or f"{len(paths)} files: all well")
    return 1 if complaints or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
